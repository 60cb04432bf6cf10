"""The command line: ``coterie cluster``, ``assign``, ``evaluate``, ``similar``, ``demo`` and ``doctor``."""

from coterie.cli.entry import main

__all__ = ["main"]
