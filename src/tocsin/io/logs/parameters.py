"""The values in a message, given its template."""

from __future__ import annotations

from tocsin.io.logs.masks import WILD, tidy


def values_of(message: str, template: str) -> tuple[str, ...]:
    """Return what stands in a message where its template has ``<*>``.

    The words between are looked for one after the other, each as early as it can be, which finds a fit wherever there
    is one and never goes back: no message can make it slow.

    Returns
    -------
    tuple of str
        Empty if the template does not fit.

    Examples
    --------
    >>> values_of("Accepted password for bob from 10.0.0.1 port 22", "Accepted password for bob from <*> port <*>")
    ('10.0.0.1', '22')
    """
    line = tidy(message)
    first, *others = template.split(WILD)
    if not others or not line.startswith(first):
        return ()
    at, found = len(first), []
    for number, words in enumerate(others):
        if number == len(others) - 1:
            end = len(line) - len(words)
            if end < at or not line.endswith(words):
                return ()
        else:
            end = line.find(words, at)
            if end < 0:
                return ()
        found.append(line[at:end])
        at = end + len(words)
    return tuple(found)
