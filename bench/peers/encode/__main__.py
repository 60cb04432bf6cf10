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
from bench.peers.encode import inputs
from bench.peers.encode.rivals import RIVALS

REFERENCE = "sentence-transformers torch float32"
JUDGED = 256  # a quarter of them are mixed texts
LEAST_COSINE = 0.9  # of what is timed at all
PACKAGES = (
    "sentence-transformers",
    "torch",
    "transformers",
    "onnxruntime",
    "openvino",
    "optimum-intel",
    "optimum-onnx",
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
    parser.add_argument("--kinds", default=",".join(inputs.KINDS))
    parser.add_argument(
        "--clock", choices=("wall", "cpu"), default="wall", help="cpu: on a machine that is not quiet"
    )
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("COTERIE_DATA") or inputs.DATA))
    parser.add_argument(
        "--output", type=Path, default=inputs.BUILD, help="folder of encode.json and encode.md"
    )
    options = parser.parse_args()
    report: dict[str, Any] = {
        "command": " ".join(["python -m bench.peers.encode", *sys.argv[1:]]),
        "machine": machine.describe(),
        "packages": {name: machine.version(name) for name in PACKAGES},
        "clock": options.clock,
        "threads": options.threads,
        "kinds": {},
    }
    inputs.exported("float32")
    inputs.exported("int8", inputs.texts("mixed", options.data, JUDGED))
    for kind in options.kinds.split(","):
        report["kinds"][kind] = _measure(inputs.texts(kind, options.data, options.limit), options)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "encode.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    page = _markdown(report)
    (options.output / "encode.md").write_text(page, encoding="utf-8")
    print(page)
    return 0


def _measure(texts: list[str], options: argparse.Namespace) -> dict[str, Any]:
    """Let each rival encode once, compare, and time those that pass alternately."""
    wanted = [word for word in options.only.split(",") if word]
    names = [
        name for name in RIVALS if name == REFERENCE or not wanted or any(word in name for word in wanted)
    ]
    with tempfile.TemporaryDirectory() as folder:
        texts_file = Path(folder, "texts.json")
        texts_file.write_text(json.dumps(texts), encoding="utf-8")
        workers = {name: _start(name, texts_file, options.threads) for name in names}
        found: dict[str, Any] = {}
        rows: dict[str, Any] = {}
        for name, worker in workers.items():
            state = _reply(worker)
            if "failed" not in state:
                state = _ask(worker, Path(folder, "rows.npy"))
            if "failed" in state:
                found[name] = {"note": state["failed"]}
                continue
            rows[name] = np.load(Path(folder, "rows.npy"))
            found[name] = _quality(rows[REFERENCE], rows[name])
        timed = [name for name in rows if found[name]["cosine"] >= LEAST_COSINE]
        times: dict[str, list[float]] = {name: [] for name in timed}
        for round_ in range(options.rounds):
            for name in timed if round_ % 2 == 0 else reversed(timed):
                answer = _ask(workers[name], Path(folder, "rows.npy"))
                times[name].append(answer["seconds" if options.clock == "wall" else "cpu_seconds"])
        for worker in workers.values():
            worker.stdin.close()
            worker.wait()
    for name, values in times.items():
        share = 1 if options.clock == "wall" else options.threads  # CPU seconds of all threads together
        found[name] |= {
            "seconds": values,
            "documents_per_second": share * len(texts) / statistics.median(values),
        }
    return {"n_texts": len(texts), "n_words": sum(len(text.split()) for text in texts), "rivals": found}


def _start(rival: str, texts_file: Path, n_threads: int) -> Any:
    names = [f"{name}_NUM_THREADS" for name in ("OMP", "OPENBLAS", "MKL", "RAYON", "COTERIE")]
    environment = {**os.environ, **dict.fromkeys(names, str(n_threads)), "TOKENIZERS_PARALLELISM": "true"}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, ["python", os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-m", "bench.peers.encode.worker", rival, str(texts_file), str(n_threads)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
        cwd=inputs.ROOT,
    )


def _ask(worker: Any, path: Path) -> dict[str, Any]:
    worker.stdin.write(f"{path}\n")
    worker.stdin.flush()
    return _reply(worker)


def _reply(worker: Any) -> dict[str, Any]:
    line = worker.stdout.readline()
    return dict(json.loads(line)) if line else {"failed": f"it ended with status {worker.wait()}"}


def _quality(reference: Any, rows: Any) -> dict[str, float]:
    """Compare with the reference: cosine, and the clusters of K-means from the same start."""
    from coterie import KMeans
    from coterie.evaluate import evaluate

    start = reference[:: max(1, len(reference) // 20)][:20]
    labels = [
        KMeans(len(start), init=init, n_init=1, metric="cosine").fit(x).labels_
        for x, init in ((reference, start), (rows, rows[:: max(1, len(rows) // 20)][:20]))
    ]
    lengths = np.linalg.norm(reference, axis=1) * np.linalg.norm(rows, axis=1)
    cosine = np.einsum("ij,ij->i", reference, rows) / lengths
    return {
        "cosine": float(cosine.mean()),
        "cosine_min": float(cosine.min()),
        "ari": float(evaluate(labels[0], labels[1])["ari"]),
    }


def _markdown(report: dict[str, Any]) -> str:
    described = report["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in report["packages"].items() if version)
    unit = "documents/s" if report["clock"] == "wall" else f"documents per {report['threads']} CPU seconds"
    lines = [
        "# Encoding by MiniLM\n",
        f"`{report['command']}`, {described['date']}, {described['cpu']}, {described['cores']} cores,"
        f" {report['threads']} threads, load before {described['load_average_before']}; {versions}.",
        f"\nMedian {unit}; ratio to {REFERENCE}; cosine and ARI of 20 clusters compare with its rows.",
    ]
    for kind, found in report["kinds"].items():
        mean = found["n_words"] / found["n_texts"]
        lines += [f"\n## {kind}: {found['n_texts']:,} texts of {mean:.0f} words on average\n"]
        lines += [f"| | {unit} | ratio | cosine (least) | ARI |", "|---|---:|---:|---:|---:|"]
        own = found["rivals"].get(REFERENCE, {}).get("documents_per_second")
        for name, result in found["rivals"].items():
            if "documents_per_second" not in result:
                lines.append(f"| {name} | {result.get('note', 'not timed: its rows do not pass')} | | | |")
                continue
            rate = result["documents_per_second"]
            ratio = f"{rate / own:.2f}x" if own else ""
            lines.append(
                f"| {name} | {rate:,.0f} | {ratio} | {result['cosine']:.4f} ({result['cosine_min']:.4f}) |"
                f" {result['ari']:.3f} |"
            )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
