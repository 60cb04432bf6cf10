"""Who is told about the iterations of K-means: whoever asked for it around the call, and the reader of ``verbose``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[int, int, int], None]

_listener: ContextVar[Listener | None] = ContextVar("coterie_iterations", default=None)


@contextmanager
def iterations_told_to(listener: Listener | None) -> Iterator[None]:
    """Call ``listener(iteration, n_changed_labels, n_samples)`` after each iteration of fits on this thread."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def report_of_iterations(verbose: int, n_samples: int) -> Callable[[int, int], None] | None:
    """Return what a fit calls after each iteration, or None where nobody listens."""
    listener = _listener.get()
    if listener is None:
        return _print_iteration if verbose else None

    def report(iteration: int, changed: int) -> None:
        if verbose:
            _print_iteration(iteration, changed)
        listener(iteration, changed, n_samples)

    return report


def _print_iteration(iteration: int, changed: int) -> None:
    print(f"Iteration {iteration}: {changed} labels changed")
