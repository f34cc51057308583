"use strict";
(() => {
  const root = document.documentElement;
  const all = (selector, within) => [...(within || document).querySelectorAll(selector)];
  const COLOURS = new Set(["color", "fillcolor", "gridcolor", "spikecolor"]);
  const NO_CHARTS = "This chart needs a browser of 2023 or later; everything else on this page is complete without it.";
  const coarse = matchMedia("(pointer: coarse)").matches;
  const drawn = new Map();
  let printing = false;

  function colour(name) {
    return getComputedStyle(root).getPropertyValue(name).trim();
  }

  // A copy of a figure with colours looked up in the style and packed positions unrolled.
  function resolved(part, key) {
    if (Array.isArray(part)) return part.map((p) => (p !== null && typeof p === "object" ? resolved(p) : p));
    if (part !== null && typeof part === "object") {
      if (Array.isArray(part.steps)) return unpacked(part);
      return Object.fromEntries(Object.entries(part).map(([k, v]) => [k, k === "colorscale" ? scale(v) : resolved(v, k)]));
    }
    return typeof part === "string" && COLOURS.has(key) && part.startsWith("--") ? colour(part) : part;
  }

  function scale(stops) {
    return stops.map(([at, name]) => [at, name.startsWith("--") ? colour(name) : name]);
  }

  function unpacked(packed) {
    let sum = 0;
    return packed.steps.map((step) => packed.start + packed.unit * (sum += step));
  }

  function figureOf(place) {
    const figure = resolved(JSON.parse(document.getElementById(place.dataset.figure).textContent));
    const text = getComputedStyle(document.body);
    Object.assign(figure.layout, {
      autosize: !printing,
      width: printing ? 680 : undefined,
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: text.fontFamily, size: 11, color: colour("--ink") },
      showlegend: false,
      modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("--muted"), activecolor: colour("--ink") },
      dragmode: coarse ? false : "zoom",
      hovermode: figure.layout.hovermode || "x unified",
      hoversubplots: "axis",
      hoverlabel: { bgcolor: colour("--card"), bordercolor: colour("--rule"), font: { size: 11, color: colour("--ink") } },
    });
    if (coarse) figure.layout.xaxis.fixedrange = true;
    return figure;
  }

  function draw(place) {
    const figure = figureOf(place);
    const config = {
      displaylogo: false,
      displayModeBar: coarse ? false : "hover",
      modeBarButtons: [["zoom2d", "pan2d", "resetScale2d", "toImage"]],
      typesetMath: false,
      doubleClick: "reset",
    };
    if (drawn.has(place)) {
      Plotly.react(place, figure.data, figure.layout, config);
      return;
    }
    place.textContent = "";
    drawn.set(place, true);
    Plotly.newPlot(place, figure.data, figure.layout, config);
    fitting.observe(place);
    place.on("plotly_click", (event) => {
      const target = event.points.map((p) => p.customdata).find(Boolean);
      if (target) show(target);
    });
  }

  // Not only the window changes a chart's width: folds, scroll bars and turning a phone do, too.
  const fitting = new ResizeObserver((entries) => {
    if (printing) return;
    for (const { target } of entries) {
      const off = Math.abs(target.clientWidth - target._fullLayout.width);
      if (target.clientWidth > 0 && off > 1) Plotly.Plots.resize(target);
    }
  });

  function show(id) {
    const target = document.getElementById(id);
    if (!target) return;
    for (let fold = target.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    target.scrollIntoView({ behavior: "smooth", block: "start" });
  }

  async function library() {
    const store = document.getElementById("chart-library");
    const bytes = Uint8Array.from(atob(store.textContent.trim()), (c) => c.charCodeAt(0));
    const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(plain).text();
    document.head.append(script);
    script.remove();
    store.remove();
    if (typeof Plotly === "undefined") throw new Error("the chart library did not start");
  }

  function sorry() {
    for (const place of all(".chart")) {
      place.textContent = NO_CHARTS;
      place.classList.add("absent");
    }
  }

  function watch() {
    // Charts are drawn when they come near, so that a page with fifty of them opens as fast as one with two.
    const watcher = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) {
          if (!entry.isIntersecting) continue;
          watcher.unobserve(entry.target);
          draw(entry.target);
        }
      },
      { rootMargin: "600px" },
    );
    all(".chart").forEach((place) => watcher.observe(place));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => [...drawn.keys()].forEach(draw));

    // Paper gets what is unfolded on the screen, in light colours and at the width of a page.
    const turn = (toPaper) => () => {
      printing = toPaper;
      root.classList.toggle("printing", toPaper);
      all(".chart").filter((place) => place.offsetParent !== null && (toPaper || drawn.has(place))).forEach(draw);
    };
    addEventListener("beforeprint", turn(true));
    addEventListener("afterprint", turn(false));
  }

  addEventListener("hashchange", () => show(location.hash.slice(1)));
  if (location.hash) show(location.hash.slice(1));
  for (const fold of all("[data-fold-all]")) {
    fold.hidden = false;
    fold.addEventListener("click", () => {
      const folds = all("details.anomaly", fold.closest("section"));
      const open = folds.some((f) => !f.open);
      folds.forEach((f) => (f.open = open));
      fold.textContent = open ? "close all" : "open all";
    });
  }
  library().then(watch, (problem) => {
    console.warn(problem);
    sorry();
  });
})();
