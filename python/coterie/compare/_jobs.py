"""The stages of a comparison, each run in a process of its own.

A job is a pickle that the parent process wrote to a folder of its own; answers are JSON.
"""

from __future__ import annotations

import json
import pickle
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from coterie.compare._memory import peak_memory
from coterie.journey._clock import Clock
from coterie.journey._documents import Encoded, encode
from coterie.journey._explanation import score
from coterie.journey._grouping import group


def encode_job(job: dict[str, Any]) -> dict[str, Any]:
    """Encode the texts and keep the rows."""
    texts = json.loads(Path(job["texts"]).read_text(encoding="utf-8"))
    start, cpu = time.perf_counter(), time.process_time()
    encoded = encode(
        texts,
        job["encoder"],
        min_df=2,
        max_df=0.5,
        how_to_read={"language": job["language"], "stop_words": "auto", "n_threads": job["n_threads"]},
        random_state=job["seed"],
    )
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu
    peak = peak_memory()
    if sp.issparse(encoded.rows):
        sp.save_npz(f"{job['rows']}.npz", encoded.rows, compressed=False)
    else:
        np.save(f"{job['rows']}.npy", encoded.rows)
    answer = {"seconds": seconds, "cpu_seconds": cpu_seconds, "peak": peak}
    return answer | {"n_features": encoded.rows.shape[1]}


def cluster_job(job: dict[str, Any]) -> dict[str, Any]:
    """Cluster and score the rows once for each seed."""
    encoded = Encoded(job["encoder"], None, _load_rows(job["rows"]))
    classes = None if job["classes"] is None else np.array(job["classes"])
    names = ("seeds", "n_clusters", "scores", "cluster", "cluster_cpu", "evaluate", "evaluate_cpu")
    answer: dict[str, Any] = {name: [] for name in names}
    for seed in job["seeds"]:
        start, cpu = time.perf_counter(), time.process_time()
        grouping = group(
            encoded,
            job["clusterer"],
            job["n_clusters"],
            job["metric"],
            seed,
            job["n_threads"],
            job["options"],
            Clock(None),
        )
        answer["cluster"].append(time.perf_counter() - start)
        answer["cluster_cpu"].append(time.process_time() - cpu)
        answer["peak"] = peak_memory()
        start, cpu = time.perf_counter(), time.process_time()
        answer["scores"].append(score(encoded, grouping, classes, job["n_threads"]))
        answer["evaluate"].append(time.perf_counter() - start)
        answer["evaluate_cpu"].append(time.process_time() - cpu)
        answer["seeds"].append(seed)
        answer["n_clusters"].append(grouping.n_clusters)
        if "random_state" not in grouping.clusterer.get_params():
            break
    return answer


def _load_rows(path: str) -> Any:
    if Path(f"{path}.npz").exists():
        return sp.csr_array(sp.load_npz(f"{path}.npz"))
    return np.load(f"{path}.npy", allow_pickle=False)


def main() -> None:
    """Do one job; what the arguments were wrong about is an answer too."""
    job = pickle.loads(Path(sys.argv[1]).read_bytes())
    try:
        answer = {"encode": encode_job, "cluster": cluster_job}[job["stage"]](job)
    except (ValueError, TypeError, OSError, ModuleNotFoundError, MemoryError) as error:
        answer = {"error": str(error) or type(error).__name__, "kind": type(error).__name__}
    Path(sys.argv[2]).write_text(json.dumps(answer), encoding="utf-8")
