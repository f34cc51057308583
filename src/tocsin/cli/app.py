"""The commands, their help, and how errors become one line and an exit code."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from tocsin.cli import (
    commands_audit,
    commands_bench,
    commands_data,
    commands_detectors,
    commands_evaluate,
    commands_export,
    commands_logs,
    commands_models,
)
from tocsin.cli.codes import USAGE

app = typer.Typer(
    name="tocsin",
    help="Find what is wrong in any kind of data, and say where, how sure and why.",
    epilog="Exit codes: 0 nothing found, 1 something found, 2 usage or input, 3 some inputs failed.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(asked: bool) -> None:
    if asked:
        from tocsin import __version__

        typer.echo(f"tocsin {__version__}")
        raise typer.Exit(0)


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    pass


for module in (
    commands_data,
    commands_models,
    commands_evaluate,
    commands_detectors,
    commands_logs,
    commands_audit,
    commands_bench,
    commands_export,
):
    module.register(app)


def run(arguments: list[str]) -> int:
    """Run one command line; every error that a user can cause becomes one line on standard error."""
    from tocsin.core.errors import TocsinError

    try:
        code = app(args=arguments, prog_name="tocsin", standalone_mode=False)
    except TocsinError as error:
        print(f"tocsin: {_one_line(error)}", file=sys.stderr)  # noqa: T201
        return USAGE
    except BrokenPipeError:
        # The reader of our output went away (`| head`): not an error, and nothing more can be written.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("tocsin: stopped; what was finished is kept", file=sys.stderr)  # noqa: T201
        return 130
    except OSError as error:
        print(f"tocsin: {error.filename or ''}: {error.strerror or error}", file=sys.stderr)  # noqa: T201
        return USAGE
    except MemoryError:
        print("tocsin: there is not enough memory: pick channels with --channels, or a smaller file", file=sys.stderr)  # noqa: T201
        return USAGE
    except Exception as error:
        return _usage(error)
    return code if isinstance(code, int) else 0


def _usage(error: Exception) -> int:
    """Print what typer has to say about a wrong command line; anything else is a bug and is shown as one."""
    show = getattr(error, "show", None)
    if show is None:
        from tocsin.cli.crash import report_bug

        return report_bug(error)
    show()
    return USAGE


def _one_line(error: Exception) -> str:
    from tocsin.cli.inert import inert

    return " ".join(inert(str(error)).split())
