"""One rival in a process of its own, driven by lines on stdin: ``run`` (timed), ``answer PATH``, end of input.

Every reply is one line of JSON on the original stdout; what libraries print goes to stderr.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
import time
import warnings
from typing import Any, TextIO

from bench.memory import kilobytes
from bench.peers import cases, inputs


def reply(out: TextIO, **message: Any) -> None:
    out.write(json.dumps(message) + "\n")
    out.flush()


def main(size: str, case_number: int, rival: str, n_threads: int) -> None:
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    case = cases.SIZES[size][case_number]
    data = inputs.load(case.input)
    try:
        run, answer = case.rivals[rival](data, case.params, n_threads)
    except (ImportError, AttributeError) as error:  # not installed, or without this op
        reply(out, missing=str(error))
        return
    reply(out, ready=True, rss=peak_memory())
    result = None
    for line in sys.stdin:
        command, _, argument = line.strip().partition(" ")
        if command == "run":
            result = None
            start, cpu = time.perf_counter(), time.process_time()
            result = run()
            seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
            reply(out, seconds=seconds, cpu_seconds=cpu, rss=peak_memory())
        elif command == "answer":
            with open(argument, "wb") as file:  # read back by the parent only, from its own temporary folder
                pickle.dump(answer(result), file)
            reply(out, saved=True)


def peak_memory() -> int:
    """Return the largest resident size so far, in bytes; getrusage begins with what the parent held at the fork."""
    return kilobytes("VmHWM") * 1024


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
