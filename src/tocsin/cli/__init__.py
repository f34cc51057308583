"""The command line. `main` is what the `tocsin` command runs."""

from __future__ import annotations

import sys


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit.

    Exit codes: 0 nothing found, 1 something found, 2 usage or input, 3 some inputs failed while others were done.
    """
    from tocsin.cli.app import run

    sys.exit(run(sys.argv[1:] if arguments is None else arguments))
