"""One rival in a process of its own: ``TEXTS ROWS`` on stdin encodes the texts, saves the rows and replies in JSON."""

from __future__ import annotations

import json
import os
import sys
import time
import warnings

import numpy as np

from bench.peers.encode.rivals import RIVALS


def main(rival: str, n_threads: int) -> None:
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    try:
        encode = RIVALS[rival](n_threads)
    except Exception as error:  # sentence-transformers raises Exception itself where optimum is missing
        print(json.dumps({"failed": f"{type(error).__name__}: {error}"[:200]}), file=out, flush=True)
        return
    print(json.dumps({"ready": True}), file=out, flush=True)
    for line in sys.stdin:
        texts_file, rows_file = json.loads(line)
        with open(texts_file, encoding="utf-8") as file:
            texts = json.load(file)
        start, cpu = time.perf_counter(), time.process_time()
        rows = encode(texts)
        answer = {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - cpu}
        np.save(rows_file, np.asarray(rows, np.float32))
        print(json.dumps(answer), file=out, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
