"""How the events were read that a model learned from, so that those it judges are read alike."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tocsin.core.errors import ArtifactError, InputError
from tocsin.core.samples import Events

if TYPE_CHECKING:
    from tocsin.cli.request import Request
    from tocsin.core.samples import Sample

# Formats whose columns are what the file holds; logs and sequences have columns of their own making.
_BY_COLUMN = frozenset(("table", "beth", "nsl-kdd", "zeek", "strace", "audit", "windows", "evtx"))
VERSION = 1


@dataclass(frozen=True)
class KeptReading:
    """The columns and templates of what was learned from.

    A column that does not vary in one file may vary in the next: naming those that were learned keeps them. Templates
    keep the names of messages from one file to the next.

    Parameters
    ----------
    entities, numbers : tuple of str or None
        None where the format has columns of its own.
    trace : str or None
    links : bool
    templates : LogTemplates or None
    """

    entities: tuple[str, ...] | None = None
    numbers: tuple[str, ...] | None = None
    trace: str | None = None
    links: bool = False
    templates: Any = None

    @classmethod
    def of(cls, sample: Sample, request: Request, templates: Any = None) -> KeptReading | None:
        """Take down how a sample was read; None for anything else than events."""
        if not isinstance(sample, Events):
            return None
        links = bool(request.reading()["links"])
        named = sample.meta.get("format") in _BY_COLUMN
        entities = tuple(sample.entities) if named and not links else None
        numbers = tuple(sample.numbers) if named else None
        return cls(entities, numbers, request.trace, links, templates)

    def applied(self, request: Request) -> Request:
        """Return the request that reads further files alike."""
        return replace(
            request,
            modality="events",
            links=self.links,
            trace=request.trace or self.trace,
            templates=self.templates if request.templates is None else request.templates,
            entities=request.entities if self.entities is None else self.entities,
            numbers=request.numbers if self.numbers is None else self.numbers,
        )

    def save(self, model: Path) -> None:
        """Write the reading, and the templates if there are any, beside a model."""
        tree = {
            "version": VERSION,
            "entities": self.entities,
            "numbers": self.numbers,
            "trace": self.trace,
            "links": self.links,
            "templates": self.templates is not None,
        }
        try:
            _beside(model, "reading").write_text(json.dumps(tree, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise InputError(f"{_beside(model, 'reading')} cannot be written: {error.strerror or error}") from None
        if self.templates is not None:
            self.templates.save(_beside(model, "templates"))

    @classmethod
    def load(cls, model: Path) -> KeptReading | None:
        """Read what `save` wrote; None where there is nothing.

        Raises
        ------
        ArtifactError
            If it is damaged, or the templates are gone.
        """
        file = _beside(model, "reading")
        if not file.is_file():
            return None
        try:
            tree = json.loads(file.read_text(encoding="utf-8"))
            found = cls(
                _names(tree["entities"]),
                _names(tree["numbers"]),
                None if tree["trace"] is None else str(tree["trace"]),
                bool(tree["links"]),
                bool(tree["templates"]) or None,
            )
            if tree["version"] != VERSION:
                raise ArtifactError(f"{file} was written by a newer version of tocsin: install that one")
        except (OSError, ValueError, KeyError, TypeError) as error:
            if isinstance(error, ArtifactError):
                raise
            raise ArtifactError(f"{file} is damaged: fit the model again") from None
        if found.templates is None:
            return found
        from tocsin.io.logs import LogTemplates

        templates = LogTemplates.load(_beside(model, "templates"))
        templates.freeze()
        return replace(found, templates=templates)


def _beside(model: Path, what: str) -> Path:
    return model.with_name(f"{model.name}.{what}.json")


def _names(given: Any) -> tuple[str, ...] | None:
    return None if given is None else tuple(str(name) for name in given)
