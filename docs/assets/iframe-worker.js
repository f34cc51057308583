/* Search without a server: a page that was opened as a file may start no worker, so its script runs in a hidden frame
   that is spoken to in the same way. Pages that come from a server keep their worker. */
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      const frame = document.createElement("iframe")
      frame.hidden = true
      frame.srcdoc = `<script>
        window.importScripts = (...urls) => Promise.all(urls.map(url => new Promise((done, failed) => {
          const script = document.createElement("script")
          script.src = new URL(url, "${url}").href
          script.onload = done
          script.onerror = failed
          document.head.append(script)
        })))
        window.postMessage = message => parent.dispatchEvent(new CustomEvent("${url}", { detail: message }))
      </script><script src="${url}"></script>`
      window.addEventListener(String(url), event =>
        this.dispatchEvent(new MessageEvent("message", { data: event.detail })))
      this.loaded = new Promise(done => frame.addEventListener("load", done, { once: true }))
      this.frame = frame
      document.body.append(frame)
    }

    postMessage(data) {
      this.loaded.then(() => this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data })))
    }

    terminate() {
      this.frame.remove()
    }
  }
}
