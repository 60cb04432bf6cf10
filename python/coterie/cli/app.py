"""The commands by name. Each imports what it needs when it runs, so that ``coterie --help`` answers at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from coterie._version import __version__
from coterie.cli import (
    assign,
    classify,
    cluster,
    compare,
    dedupe,
    demo,
    doctor,
    encode,
    estimate,
    evaluate,
    export,
    similar,
    topics,
)

EXIT_CODES = (
    "Exit codes: 0 done · 1 could not be done (one sentence on stderr says why) · 2 wrong usage · 130 Ctrl-C."
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"coterie {__version__}")
        raise typer.Exit


def _coterie(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Texts in, clusters out: the same clusters to the bit on any number of threads.

    Start with [bold]coterie demo[/bold], which needs no data, then cluster a file of your own:

    [green]coterie cluster articles.jsonl --n-clusters 20 --output out/[/green]
    """


def make_app() -> typer.Typer:
    """Return the command line with all its commands."""
    app = typer.Typer(
        name="coterie",
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog=EXIT_CODES + " COTERIE_DEBUG=1 shows the traceback of an error.",
    )
    app.callback()(_coterie)
    commands: dict[str, Callable[..., None]] = {
        "cluster": cluster.cluster,
        "topics": topics.topics,
        "assign": assign.assign,
        "evaluate": evaluate.evaluate,
        "compare": compare.compare,
        "similar": similar.similar,
        "dedupe": dedupe.dedupe,
        "encode": encode.encode,
        "export": export.export,
        "demo": demo.demo,
        "estimate": estimate.estimate,
        "doctor": doctor.doctor,
    }
    for name, command in commands.items():
        app.command(name, epilog=EXIT_CODES)(command)
    app.add_typer(classify.make_group(EXIT_CODES), name="classify", epilog=EXIT_CODES)
    return app
