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
    bf16_tile_flops_per_second: float = 0.0  # 0: no tile unit
    int8_tile_ops_per_second: float = 0.0

    def least_seconds(self, work: Work) -> float:
        return max(self.memory_seconds(work), self.arithmetic_seconds(work))

    def memory_seconds(self, work: Work) -> float:
        return work.bytes / self.read_bytes_per_second

    def arithmetic_seconds(self, work: Work) -> float:
        return work.flops / self._rate(work)

    def _rate(self, work: Work) -> float:
        return max(
            self.fp32_flops_per_second, self.bf16_tile_flops_per_second if work.is_matrix_product else 0
        )

    def binds(self, work: Work) -> str:
        """Return which ceiling is the lower one for this work."""
        if self.memory_seconds(work) >= self.arithmetic_seconds(work):
            return "memory"
        return "fp32" if self._rate(work) == self.fp32_flops_per_second else "bfloat16 tile"


@dataclass(frozen=True)
class Work:
    """What an op must at least do: bytes that have to come from memory, and operations.

    A matrix product may run on a tile unit; what it loses there has to be made good by a proof and exact comparisons.
    """

    bytes: float
    flops: float
    is_matrix_product: bool = False


def measure(n_threads: int) -> Ceilings:
    """Compile and run ceilings.cpp. 1 GiB of memory per thread, about ten seconds."""
    BUILD.mkdir(parents=True, exist_ok=True)
    program = BUILD / "ceilings"
    source = Path(__file__).with_name("ceilings.cpp")
    flags = ["-O3", "-march=native", "-mprefer-vector-width=512", "-std=c++20", "-pthread"]
    subprocess.run(["c++", *flags, str(source), "-o", str(program)], check=True)
    done = subprocess.run([program, str(n_threads)], check=True, capture_output=True, text=True)
    return Ceilings(**json.loads(done.stdout))
