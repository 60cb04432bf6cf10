"""The command line: ``coterie COMMAND``, which the extra "cli" brings; :func:`main` runs it."""

from coterie.cli.entry import main

__all__ = ["main"]
