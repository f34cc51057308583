"""The errors that tocsin raises on purpose: one sentence each, saying what was wrong, where, and what to do."""

from __future__ import annotations


class TocsinError(Exception):
    """Base of every error that tocsin raises on purpose; the CLI prints it as one line and exits with code 2."""


class InputError(TocsinError, ValueError):
    """The data or a parameter cannot be used as it is.

    The message names the file, row, column or channel, and what to do about it.
    """


class TooLargeError(InputError):
    """A file does not fit into the memory that may be used; it can still be gone through in chunks."""


class NotFittedError(TocsinError, AttributeError):
    """A detector was asked for scores before it had learned anything."""


class ArtifactError(TocsinError, ValueError):
    """A stored model is damaged, edited, newer than this version, or not a model at all."""


class MissingExtra(TocsinError, ImportError):  # noqa: N818 - the name that users meet in the documentation
    """An optional dependency is not installed; the message holds the command that installs it.

    Examples
    --------
    >>> print(MissingExtra("boost", "xgboost", "the forecast detector"))
    the forecast detector needs xgboost, which is not installed: pip install "tocsin[boost]"
    """

    def __init__(self, extra: str, package: str, wanted_by: str) -> None:
        super().__init__(f'{wanted_by} needs {package}, which is not installed: pip install "tocsin[{extra}]"')
        self.extra = extra
        self.package = package


class TocsinWarning(UserWarning):
    """Something that a user can act on: the message says what and how."""
