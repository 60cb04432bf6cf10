"""Where and when a measurement was made."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

DISTRIBUTIONS = (
    "numpy",
    "scipy",
    "scikit-learn",
    "scikit-learn-intelex",
    "faiss-cpu",
    "superkmeans",
    "fastkmeans",
    "torch",
    "usearch",
    "simsimd",
    "numkong",
    "sparse_dot_topn",
    "polars",
)


def cpu_flags() -> set[str]:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("flags"):
            return set(line.split(":", 1)[1].split())
    return set()


def cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def version(distribution: str) -> str | None:
    """Return the installed version, or None."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def commit() -> str:
    """Return the commit, and whether files differ from it other than the tables that a benchmark before wrote."""
    tables = [f":!{name}" for name in ("README.md", "bench/*.json", "bench/*.md", "bench/*.svg")]
    name = _git("rev-parse", "--short", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ":/", *tables)
    return f"{name}-dirty" if changed else name or "not a git checkout"


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=False).stdout.strip()


def describe() -> dict[str, Any]:
    """Return what a reader needs to judge the numbers: machine, load, versions, date."""
    from coterie import __version__, _core

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    interesting = {"avx2", "fma", "avx512f", "avx512_bf16", "avx512_vnni", "amx_tile", "amx_bf16", "amx_int8"}
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "instruction_sets": sorted(interesting & cpu_flags()),
        "memory_gib": round(memory / 2**30, 1),
        "load_average_before": round(os.getloadavg()[0], 2),
        "system": platform.system(),
        "python": platform.python_version(),
        "coterie": f"{__version__} ({commit()}), {_core.active_isa()}, {_core.compiler()}",
        "versions": {d: version(d) for d in DISTRIBUTIONS},
    }
