"""``python -m bench.gpu``: K-means on this machine's GPU beside other libraries; a table last, JSON in build/bench.

Needs a build with CUDA, a GPU and PyTorch for CUDA; flash-kmeans, fastkmeans and cuML are measured where they are
installed. Before a case is timed, the labels are compared with the CPU's, bit for bit.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.gpu import rivals, streams
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
)
CHECKED_ROWS = 4096


def ceilings() -> dict[str, float]:
    """Measure the rate of a large bfloat16 matrix product and the bandwidth of a copy."""
    import torch

    def best(work: Any) -> float:
        seconds = []
        for _ in range(5):
            torch.cuda.synchronize()
            begin = time.perf_counter()
            work()
            torch.cuda.synchronize()
            seconds.append(time.perf_counter() - begin)
        return min(seconds)

    a, b = (torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    source = torch.empty(1 << 30, device="cuda", dtype=torch.int32)
    target = torch.empty_like(source)
    return {
        "bf16_flops": 2 * 8192**3 / best(lambda: a @ b),
        "bytes_per_second": 2 * 4 * 2**30 / best(lambda: target.copy_(source)),
    }


def make_rows(n: int, d: int, k: int) -> tuple[Any, Any]:
    """Unit rows around k directions with a common mean, as embeddings of text lie; and k of them."""
    import torch

    generator = torch.Generator("cuda").manual_seed(n + d + k)
    topics = torch.randn(k, d, device="cuda", generator=generator)
    mean = torch.randn(d, device="cuda", generator=generator)
    x = torch.empty(n, d, device="cuda")
    for begin in range(0, n, 1 << 18):
        rows = x[begin : begin + (1 << 18)]
        rows.normal_(generator=generator).mul_(1.5)
        rows += topics[torch.randint(k, (len(rows),), device="cuda", generator=generator)] + mean
        rows /= rows.norm(dim=1, keepdim=True)
    return x, x[torch.randperm(n, device="cuda", generator=generator)[:k]].clone()


def gate(x: Any, centers: Any) -> str:
    """Compare labels and distances of the first rows with the CPU's; return what differs, or nothing."""
    rows, start = x[:CHECKED_ROWS].cpu().numpy(), centers.cpu().numpy()
    device = _core.Device("cuda")
    there = _core.DeviceSamples(x.__dlpack__(stream=device.stream), None, "euclidean", device, 0)
    here = _core.Samples(rows, None, "euclidean", 0)
    differ = int((there.assign(start)[:CHECKED_ROWS] != here.assign(start)).sum())
    return "" if differ == 0 else f"{differ} of {len(rows)} labels differ from the CPU's"


def empty_cache() -> None:
    import torch

    torch.cuda.empty_cache()


def run_case(n: int, d: int, k: int, limits: dict[str, float]) -> list[dict[str, Any]]:
    x, centers = make_rows(n, d, k)
    wrong = gate(x, centers)
    results = []
    for name, (module, make) in rivals.RIVALS.items():
        row: dict[str, Any] = {"n": n, "d": d, "k": k, "library": name}
        if not rivals.is_installed(module):
            row["note"] = "not installed"
        elif name == "coterie" and wrong:
            row["note"] = wrong
        else:
            try:
                seconds = rivals.seconds_per_iteration(make(x, centers))
                row |= {"seconds": seconds, "share": 2 * n * d * k / seconds / limits["bf16_flops"]}
            except (
                RuntimeError,
                TypeError,
                ValueError,
                MemoryError,
            ) as error:  # a rival's, told in the table
                row["note"] = f"{type(error).__name__}: {str(error)[:80]}"
        results.append(row)
        print(row, file=sys.stderr, flush=True)
    return results


def table(results: list[dict[str, Any]]) -> str:
    lines = [f"{'n x d, k':>24}  {'library':<22} {'ms/iteration':>13} {'% of bf16':>10}  note"]
    for row in results:
        case = f"{row['n']:,} x {row['d']}, {row['k']}"
        measured = "seconds" in row
        ms = f"{row['seconds'] * 1e3:.2f}" if measured else "-"
        share = f"{100 * row['share']:.1f}" if "share" in row else "-"
        lines.append(f"{case:>24}  {row['library']:<22} {ms:>13} {share:>10}  {row.get('note', '')}")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.gpu", description=__doc__)
    parser.add_argument("--budget", type=float, default=330, help="seconds after which no case is begun")
    options = parser.parse_args()
    state = _core.cuda_state()
    if state["problem"] or not rivals.is_installed("torch"):
        print(f"not measured: {state['problem'] or 'PyTorch is not installed'}")
        return 1
    begin = time.monotonic()
    limits = ceilings()
    results: list[dict[str, Any]] = []
    for case in CASES:
        empty_cache()
        free = _core.Device("cuda").free_memory
        if time.monotonic() - begin > options.budget:
            results.append({**dict(zip("ndk", case, strict=True)), "library": "all", "note": "no time left"})
        elif 8 * case[0] * case[1] > free:
            results.append(
                {**dict(zip("ndk", case, strict=True)), "library": "all", "note": f"{free} bytes are free"}
            )
        else:
            results += run_case(*case, limits)
    for measured in (lambda: streams.streamed(_core.Device("cuda")), lambda: streams.words("cuda")):
        if time.monotonic() - begin < options.budget:
            results.append(measured())
    described = {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "devices": state["devices"],
        "driver": state["driver"],
        "numpy": np.__version__,
        "limits": limits,
        "results": results,
    }
    output = Path("build/bench/gpu.json")
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    device = state["devices"][0]["name"]
    rate, bandwidth = limits["bf16_flops"] / 1e12, limits["bytes_per_second"] / 1e12
    print(f"{described['date']}, {device}: bf16 product {rate:.0f} TFLOP/s, copy {bandwidth:.2f} TB/s")
    print(table(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
