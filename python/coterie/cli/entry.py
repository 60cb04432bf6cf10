"""The command's entry point: works, or says in one sentence what is missing."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer

INTERRUPTED = 130  # 128 + SIGINT, as shells have it


def main() -> None:
    """Run the command line and exit with its code: 0 done, 1 could not be done, 2 wrong usage, 130 Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal may lack the letters of the documents
    try:
        _command_line()(prog_name="coterie")
    except ModuleNotFoundError as error:
        print(f"coterie: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _command_line() -> typer.Typer:
    from coterie._validation import require_extra

    for module in ("typer", "rich"):
        require_extra(module, "cli")
    from coterie.cli.app import make_app

    return make_app()
