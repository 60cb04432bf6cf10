"""The cases of ``python -m bench.gpu`` and the table of what they gave."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from bench.gpu import rivals, streams
from bench.gpu.machines import Emulation, Machine
from coterie import _core

# (n_samples, n_features, n_clusters), the most telling first: what is left when the time is up is not run.
CASES = (
    (1_000_000, 384, 1000),
    (4_000_000, 768, 4096),
    (4_000_000, 384, 4096),
    (1_000_000, 128, 100),
    (1_000_000, 1024, 16384),
    (16_000_000, 128, 1000),
    (1_000_000, 384, 65536),
    (64_000_000, 128, 1000),
)
REHEARSED = ((150, 33, 9),)
CHECKED_ROWS = 4096

Row = dict[str, Any]


def measure(machine: Machine, limits: dict[str, float], deadline: float) -> Iterator[Row]:
    """Give a row for each case and library; none is begun after the deadline, as ``time.monotonic`` counts."""
    is_rehearsal = isinstance(machine, Emulation)
    for n, d, k in REHEARSED if is_rehearsal else CASES:
        shape = {"n": n, "d": d, "k": k}
        if time.monotonic() > deadline:
            yield {**shape, "library": "all", "note": "no time left"}
            continue
        try:
            free = machine.free_memory()
            if 8 * n * d > free:
                yield {**shape, "library": "all", "note": f"{free / 2**30:.1f} GiB are free"}
            else:
                yield from run_case(machine, shape, limits, deadline)
        except Exception as error:  # a library can leave the device unusable: what was measured is still told
            yield {**shape, "library": "all", "note": why(error)}
    sizes = streams.REHEARSED if is_rehearsal else streams.SIZES
    others: dict[str, Callable[[], Row]] = {
        "coterie, streamed": lambda: streams.streamed(machine.device, sizes),
        "TF-IDF": lambda: streams.words(machine.name, sizes, (1, 1)),
        "TF-IDF, pairs of words": lambda: streams.words(machine.name, sizes, (1, 2)),
    }
    nothing = {"n": 0, "d": 0, "k": 0}
    for name, run in others.items():
        try:
            found = run() if time.monotonic() <= deadline else {**nothing, "note": "no time left"}
        except Exception as error:  # as in run_case
            found = {**nothing, "note": why(error)}
        yield {**found, "library": name}


def why(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error)[:80]}"


def run_case(
    machine: Machine, shape: dict[str, int], limits: dict[str, float], deadline: float
) -> Iterator[Row]:
    n, d, k = shape.values()
    x, centers = machine.make_rows(n, d, k)
    try:
        wrong = differing_labels(machine, x, centers)
    except Exception as error:  # as below
        wrong = why(error)
    for name, (module, make) in rivals.RIVALS.items():
        row: Row = {**shape, "library": name}
        if module != "coterie" and isinstance(machine, Emulation):
            row["note"] = "needs a GPU"
        elif not rivals.is_installed(module):
            row["note"] = "not installed"
        elif module == "coterie" and wrong:
            row["note"] = wrong
        elif time.monotonic() > deadline:
            row["note"] = "no time left"
        else:
            try:
                fit = make(machine, x, centers)
                seconds, note = rivals.seconds_per_iteration(fit, machine.synchronise)
                row |= {
                    "seconds": seconds,
                    "note": note,
                    "share": 2 * n * d * k / seconds / limits["bf16_flops"],
                    "read": 2 * n * d / seconds / limits["bytes_per_second"],
                }
            # Libraries fail in ways of their own; the others still have their turn.
            except Exception as error:
                row["note"] = why(error)
        print(row, file=sys.stderr, flush=True)
        yield row


def differing_labels(machine: Machine, x: Any, centers: Any) -> str:
    """Compare labels of the first rows with the CPU's; return what differs, or nothing."""
    rows, start = machine.on_host(x[:CHECKED_ROWS]), machine.on_host(centers)
    there = machine.samples(x).assign(start)[: len(rows)]
    differ = int((there != _core.Samples(rows, None, "euclidean", 0).assign(start)).sum())
    return "" if differ == 0 else f"{differ} of {len(rows)} labels differ from the CPU's"


def table(results: list[Row]) -> str:
    """Return a line for each row. % of copy: the rows read once in bfloat16, as a share of the bandwidth."""
    head = f"{'ms/iteration':>13} {'% of bf16':>10} {'% of copy':>10}"
    lines = [f"{'n x d, k':>24}  {'library':<22} {head}  note"]
    for row in results:
        case = f"{row['n']:,} x {row['d']}, {row['k']}"
        ms = f"{row['seconds'] * 1e3:.2f}" if "seconds" in row else "-"
        share = f"{100 * row['share']:.1f}" if "share" in row else "-"
        read = f"{100 * row['read']:.1f}" if "read" in row else "-"
        lines.append(
            f"{case:>24}  {row['library']:<22} {ms:>13} {share:>10} {read:>10}  {row.get('note', '')}"
        )
    return "\n".join(lines)
