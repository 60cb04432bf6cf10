"""``python -m bench.peers.encode``: documents per second, ratios and quality of every way to encode the same texts."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from bench import machine
from bench.peers.encode import inputs, tables
from bench.peers.encode.rivals import RIVALS
from bench.peers.encode.tables import REFERENCE

PEER = "sentence-transformers"
JUDGED = 256  # a quarter of them are mixed texts
LEAST_COSINE = 0.9  # of what is timed at all
PACKAGES = ("onnxruntime", "openvino", "tokenizers")
PEER_PACKAGES = (
    *(PEER, "torch", "transformers", *PACKAGES),
    *("optimum", "optimum-intel", "optimum-onnx"),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.peers.encode", description=__doc__)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument(
        "--limit", type=int, default=4000, help="short texts; long are a tenth, mixed a quarter"
    )
    parser.add_argument("--rounds", type=int, default=3, help="timed rounds, after one that is compared")
    parser.add_argument(
        "--only", default="", help="rivals whose name contains one of these, separated by commas"
    )
    parser.add_argument(
        "--peer-python",
        default=sys.executable,
        metavar="PATH",
        help="interpreter whose sentence-transformers is measured; its ONNX and OpenVINO back ends need optimum, which"
        " wants an older transformers than coterie's own export: see bench/README.md",
    )
    parser.add_argument("--kinds", default=",".join(inputs.KINDS))
    parser.add_argument(
        "--clock", choices=("wall", "cpu"), default="wall", help="cpu: on a machine that is not quiet"
    )
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("COTERIE_DATA") or inputs.DATA))
    parser.add_argument(
        "--output", type=Path, default=inputs.BUILD, help="folder of encode.json and encode.md"
    )
    parser.add_argument("--publish", action="store_true", help="put the table into docs/encode.md")
    options = parser.parse_args()
    report: dict[str, Any] = {
        "command": _command(options),
        "machine": machine.describe(),
        "packages": _packages_of(sys.executable, PACKAGES),
        "peer_packages": _packages_of(options.peer_python, PEER_PACKAGES),
        "clock": options.clock,
        "threads": options.threads,
        "kinds": {},
    }
    inputs.exported("float32")
    inputs.exported("int8", inputs.texts("mixed", options.data, JUDGED))
    report["kinds"] = _measure_kinds(options)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "encode.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    page = tables.page(report)
    (options.output / "encode.md").write_text(page, encoding="utf-8")
    print(page)
    if options.publish:
        tables.publish(report)
    return 0


def _command(options: argparse.Namespace) -> str:
    """Return the command without what is true of one machine only."""
    given = [word for word in sys.argv[1:] if word != "--publish"]
    return " ".join(
        ["python -m bench.peers.encode", *("PEER" if word == options.peer_python else word for word in given)]
    )


def _packages_of(python: str, names: tuple[str, ...]) -> dict[str, str]:
    """Return the versions that an interpreter has."""
    program = (
        "import importlib.metadata as m, json, sys\n"
        "names = {d.metadata['Name'] for d in m.distributions()}\n"
        "print(json.dumps({name: m.version(name) for name in sys.argv[1:] if name in names}))"
    )
    done = subprocess.run([python, "-c", program, *names], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def _measure_kinds(options: argparse.Namespace) -> dict[str, Any]:
    """Start each rival once, and let all of them encode every kind of texts."""
    wanted = [word for word in options.only.split(",") if word]
    names = [
        name for name in RIVALS if name == REFERENCE or not wanted or any(word in name for word in wanted)
    ]
    workers, failed = {}, {}
    for name in names:
        python = options.peer_python if name.startswith(PEER) else sys.executable
        worker = _start(python, name, options.threads)
        state = _reply(worker)
        if "failed" in state:
            failed[name] = {"note": state["failed"]}
        else:
            workers[name] = worker
    kinds = {}
    try:
        for kind in options.kinds.split(","):
            texts = inputs.texts(kind, options.data, options.limit)
            kinds[kind] = {
                "sets": inputs.KINDS[kind][0],
                "n_texts": len(texts),
                "n_words": sum(len(text.split()) for text in texts),
                "rivals": failed | _measure(texts, workers, options),
            }
    finally:
        for worker in workers.values():
            worker.stdin.close()
            worker.wait()
    return kinds


def _measure(texts: list[str], workers: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    """Let each rival encode once, compare, and time those that pass alternately."""
    with tempfile.TemporaryDirectory() as folder:
        texts_file, rows_file = Path(folder, "texts.json"), Path(folder, "rows.npy")
        texts_file.write_text(json.dumps(texts), encoding="utf-8")
        found: dict[str, Any] = {}
        reference = None
        for name, worker in workers.items():
            state = _ask(worker, texts_file, rows_file)
            if "failed" in state:
                found[name] = {"note": state["failed"]}
                continue
            rows = np.load(rows_file)
            reference = rows if name == REFERENCE else reference
            found[name] = _quality(reference, rows)
        timed = [name for name in found if found[name].get("cosine", 0) >= LEAST_COSINE]
        times: dict[str, list[float]] = {name: [] for name in timed}
        for round_ in range(options.rounds):
            for name in timed if round_ % 2 == 0 else reversed(timed):
                answer = _ask(workers[name], texts_file, rows_file)
                times[name].append(answer["seconds" if options.clock == "wall" else "cpu_seconds"])
    for name, values in times.items():
        share = 1 if options.clock == "wall" else options.threads  # CPU seconds of all threads together
        rate = share * len(texts) / statistics.median(values)
        found[name] |= {"seconds": values, "documents_per_second": rate}
    return found


def _start(python: str, rival: str, n_threads: int) -> Any:
    names = [f"{name}_NUM_THREADS" for name in ("OMP", "OPENBLAS", "MKL", "RAYON", "COTERIE")]
    environment = {**os.environ, **dict.fromkeys(names, str(n_threads)), "TOKENIZERS_PARALLELISM": "true"}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, ["python", os.environ.get("PYTHONPATH")]))
    environment["HF_HUB_OFFLINE"] = "1"  # every file is here
    return subprocess.Popen(
        [python, "-m", "bench.peers.encode.worker", rival, str(n_threads)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
        cwd=inputs.ROOT,
    )


def _ask(worker: Any, texts_file: Path, rows_file: Path) -> dict[str, Any]:
    worker.stdin.write(json.dumps([str(texts_file), str(rows_file)]) + "\n")
    worker.stdin.flush()
    return _reply(worker)


def _reply(worker: Any) -> dict[str, Any]:
    line = worker.stdout.readline()
    return dict(json.loads(line)) if line else {"failed": f"it ended with status {worker.wait()}"}


def _quality(reference: Any, rows: Any) -> dict[str, float]:
    """Compare with the reference: cosine, and the clusters of K-means from the same start and with the same centres.

    From the same start K-means may end elsewhere after the smallest change of a row, the more the less the texts fall
    into clusters; with the reference's centres kept, the rows alone decide.
    """
    from coterie import KMeans
    from coterie.evaluate import evaluate

    start = reference[:: max(1, len(reference) // 20)][:20]
    first, again = (
        KMeans(len(start), init=init, n_init=1, metric="cosine").fit(x)
        for x, init in ((reference, start), (rows, rows[:: max(1, len(rows) // 20)][:20]))
    )
    lengths = np.linalg.norm(reference, axis=1) * np.linalg.norm(rows, axis=1)
    cosine = np.einsum("ij,ij->i", reference, rows) / lengths
    return {
        "cosine": float(cosine.mean()),
        "cosine_min": float(cosine.min()),
        "ari": float(evaluate(first.labels_, again.labels_)["ari"]),
        "ari_same_centres": float(evaluate(first.predict(reference), first.predict(rows))["ari"]),
    }


if __name__ == "__main__":
    sys.exit(main())
