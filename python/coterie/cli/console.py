"""What the commands print: results on stdout, progress and errors on stderr. Texts are never read as markup."""

from __future__ import annotations

import functools
import json
import math
import os
import re
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ParamSpec

import typer

from coterie._excerpt import excerpt
from coterie.cli.entry import INTERRUPTED

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

Arguments = ParamSpec("Arguments")

_PIPE_WIDTH = 120  # columns of a table that no terminal bounds
_ERROR_LENGTH = 2000


def reports_errors(command: Callable[Arguments, None]) -> Callable[Arguments, None]:
    """End a command's errors as one sentence on stderr and an exit code; ``COTERIE_DEBUG=1`` shows the traceback."""

    @functools.wraps(command)
    def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        output: Any = kwargs.get("output", kwargs.get("folder"))
        before = _last_written(output)
        try:
            with warnings.catch_warnings():
                warnings.showwarning = lambda message, *_where, **_line: warn(_named(str(message)))
                command(*args, **kwargs)
            sys.stdout.flush()
        except KeyboardInterrupt as error:
            left = (
                "nothing was written" if _last_written(output) == before else f"{output} was written before"
            )
            _complain(str(error) or f"interrupted; {left}")
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:  # the reader of our output, such as head, has had enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(1) from None
        except (typer.Exit, typer.BadParameter):
            raise
        except Exception as error:
            if os.environ.get("COTERIE_DEBUG"):
                raise
            _complain(_sentence(error))
            raise typer.Exit(1) from None

    return run


def _last_written(output: Path | None) -> tuple[int, int] | None:
    """Return what tells one writing of an output from another; None where there is none."""
    if output is None:
        return None
    from coterie.io._write import MARKER

    try:
        state = os.stat(output / MARKER if output.is_dir() else output)
    except OSError:
        return None
    return state.st_ino, state.st_mtime_ns


# Parameters of the library as messages name them, outside of quotes: those are of the user.
_PARAMETERS = re.compile(
    r"(?<!['\w-])(text_field|id_field|label_field|encoding_errors|max_document_bytes|memory_limit|n_clusters|n_topics|min_df"
    r"|max_df|ngram_range|max_features|stop_words|n_init|max_iter|random_state|n_hashes|n_threads|max_length"
    r"|batch_tokens|prompt_name"
    r"|shard_size|min_cluster_size|max_unassigned|min_samples|distance_threshold|n_neighbors|least_agreement|eps"
    # words of English too: only where a sentence says what the option must be
    r"|(?:metric|clusterer|encoder|device|refine|threshold|seed|providers)(?=(?: must |=))"
    r"|(?<=without )resume)(?!['\w])"
)
_OTHER_NAMES = {"prompt_name": "prompt", "providers": "provider"}


def _sentence(error: Exception) -> str:
    return _named(_library_sentence(error))


def _named(sentence: str) -> str:
    return _PARAMETERS.sub(
        lambda match: f"--{_OTHER_NAMES.get(match[1], match[1]).replace('_', '-')}", sentence
    )


def _library_sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.strerror}: {os.fspath(error.filename)}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, MemoryError):
        return f"out of memory{f': {error}' if str(error) else ''}"
    if isinstance(error, OSError | ValueError | TypeError | ModuleNotFoundError) and str(error):
        return str(error)
    if isinstance(error, RuntimeError) and str(error).startswith("device="):  # a device that is not there
        return str(error)
    return f"{type(error).__name__}: {error} (COTERIE_DEBUG=1 shows where)"


def _complain(sentence: str) -> None:
    print(f"coterie: {excerpt(sentence, _ERROR_LENGTH)}", file=sys.stderr)


def warn(sentence: str) -> None:
    """Print a remark on stderr that does not stop the command."""
    _complain(f"note: {sentence}")


def counted(n: int, noun: str) -> str:
    """Return a number with its noun, such as "1 document" or "2,000 documents"."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def stdout_console() -> Console:
    """Return where tables and sentences go; plain text of a fixed width when that is not a terminal."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    return Console(markup=False, emoji=False, highlight=False, width=width, soft_wrap=False)


def print_json(value: Mapping[str, Any]) -> None:
    """Print one JSON object; numbers that are not finite become null, as JSON has none."""
    print(json.dumps(_plain(value), allow_nan=False))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, bool | int | float | str | None) else str(value)
