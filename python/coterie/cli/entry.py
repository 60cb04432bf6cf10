"""The command's entry point: works, or says in one sentence what is missing."""

from __future__ import annotations

import sys

from coterie._validation import require_extra

INTERRUPTED = 130  # 128 + SIGINT, as shells have it


def main() -> None:
    """Run the command line and exit with its code: 0 done, 1 could not be done, 2 wrong usage, 130 Ctrl-C."""
    try:
        for module in ("typer", "rich"):
            require_extra(module, "cli")
        from coterie.cli.app import app

        app(prog_name="coterie")
    except ModuleNotFoundError as error:
        print(f"coterie: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
