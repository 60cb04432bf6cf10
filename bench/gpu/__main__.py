"""``python -m bench.gpu [bench|test|memcheck|racecheck]``: build for this machine's GPU, then measure or test there.

One command each; a table comes last. ``bench``: K-means beside other libraries, where they are installed (PyTorch,
flash-kmeans, fastkmeans, cuML, cuVS), after its labels were compared with the CPU's bit for bit; rows that are
streamed, and TF-IDF; build/bench/gpu.json has it all. ``test``: pytest -m gpu. ``memcheck``, ``racecheck``: some of
its tests under compute-sanitizer.
``--rehearse`` runs the program of ``bench`` on coterie's emulation of a GPU, with the module that is built already.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
import time
from pathlib import Path

from bench.gpu.build import ROOT, architecture, build, missing

_NEEDED = {"bench": ("torch",), "test": ("pytest",), "memcheck": ("pytest",), "racecheck": ("pytest",)}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.gpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="?", default="bench", choices=list(_NEEDED))
    parser.add_argument("--budget", type=float, default=420, help="seconds, the build included (420)")
    parser.add_argument("--rehearse", action="store_true", help="bench on the emulation of a GPU")
    parser.add_argument("--no-build", action="store_true", help="take the module as it is")
    parser.add_argument("-k", dest="selected", help="for tests: which, as pytest takes it")
    options = parser.parse_args()
    begin = time.monotonic()
    if not (options.rehearse or options.no_build):
        for_gpu = architecture()
        if (lacking := missing(_NEEDED[options.what])) or for_gpu is None:
            print(f"not run: this machine lacks {', '.join(lacking or ['a GPU'])}")
            return 1
        print(f"built for {for_gpu} in {build(for_gpu):.0f} s", file=sys.stderr, flush=True)
    sys.path.insert(0, str(ROOT / "python"))
    if options.what != "bench":
        from bench.gpu.checks import run_tests

        tool = None if options.what == "test" else options.what
        return run_tests(options.budget - (time.monotonic() - begin), tool, options.selected)
    return _bench(begin + options.budget, rehearse=options.rehearse)


def _bench(deadline: float, *, rehearse: bool) -> int:
    import numpy as np

    from bench.gpu import cases, machines, rivals
    from coterie import _core

    state = _core.cuda_state()
    if not rehearse and (state["problem"] or not rivals.is_installed("torch")):
        print(f"not measured: {state['problem'] or 'PyTorch is not installed'}")
        return 1
    machine = machines.Emulation() if rehearse else machines.Cuda()
    limits = machine.ceilings()
    results = list(cases.measure(machine, limits, deadline))
    described = {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "device": machine.describe(),
        "devices": state["devices"],
        "driver": state["driver"],
        "numpy": np.__version__,
        "limits": limits,
        "results": results,
    }
    output = Path("build/bench/gpu-rehearsal.json" if rehearse else "build/bench/gpu.json")
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    rate, bandwidth = limits["bf16_flops"] / 1e12, limits["bytes_per_second"] / 1e12
    print(f"{described['date']}, {machine.describe()}")
    print(f"bf16 product {rate:.0f} TFLOP/s, copy {bandwidth:.2f} TB/s; all of it in {output}")
    print(cases.table(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
