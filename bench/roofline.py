"""Measured ceilings of the machine, and the least time that an amount of bytes and flops can take under them."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "bench"


@dataclass(frozen=True)
class Ceilings:
    read_bytes_per_second: float
    fp32_flops_per_second: float
    lanes: int

    def least_seconds(self, work: Work) -> float:
        return max(self.memory_seconds(work), self.arithmetic_seconds(work))

    def memory_seconds(self, work: Work) -> float:
        return work.bytes / self.read_bytes_per_second

    def arithmetic_seconds(self, work: Work) -> float:
        return work.flops / self.fp32_flops_per_second

    def binds(self, work: Work) -> str:
        """Return which ceiling is the lower one for this work."""
        return "memory" if self.memory_seconds(work) >= self.arithmetic_seconds(work) else "fp32"


@dataclass(frozen=True)
class Work:
    """What an op must at least do: bytes that have to come from memory, and float32 operations."""

    bytes: float
    flops: float


def measure(n_threads: int) -> Ceilings:
    """Compile and run ceilings.cpp. 1 GiB of memory per thread, about ten seconds."""
    BUILD.mkdir(parents=True, exist_ok=True)
    program = BUILD / "ceilings"
    source = Path(__file__).with_name("ceilings.cpp")
    flags = ["-O3", "-march=native", "-mprefer-vector-width=512", "-std=c++20", "-pthread"]
    subprocess.run(["c++", *flags, str(source), "-o", str(program)], check=True)
    done = subprocess.run([program, str(n_threads)], check=True, capture_output=True, text=True)
    return Ceilings(**json.loads(done.stdout))
