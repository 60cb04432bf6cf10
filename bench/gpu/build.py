"""Build the compiled module of this checkout for the GPU of this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "gpu"
_PACKAGES = ("numpy", "scipy", "sklearn", "pybind11")


def missing(packages: tuple[str, ...] = ()) -> list[str]:
    """Return what a build and a run would lack on this machine."""
    lacking = [name for name in (*_PACKAGES, *packages) if find_spec(name) is None]
    lacking += [name for name in ("cmake", "ninja", "nvcc") if _tool(name) is None]
    return lacking


def build(for_gpu: str) -> float:
    """Configure and build, or bring an earlier build up to date; return the seconds it took.

    The output is shown when it fails.
    """
    begin = time.monotonic()
    nvcc, cmake = _tool("nvcc"), _tool("cmake")
    assert nvcc is not None
    assert cmake is not None
    options = {
        "CMAKE_BUILD_TYPE": "Release",
        "COTERIE_IN_SOURCE": "ON",
        "COTERIE_CUDA": "ON",
        "COTERIE_CUDA_ARCHITECTURES": for_gpu,
        "CMAKE_CUDA_COMPILER": nvcc,
        "CMAKE_MAKE_PROGRAM": str(_tool("ninja")),
        "Python_EXECUTABLE": sys.executable,
    }
    given = [f"-D{name}={value}" for name, value in options.items()]
    _run([cmake, "-S", str(ROOT), "-B", str(FOLDER), "-G", "Ninja", *given])
    _run([cmake, "--build", str(FOLDER)])
    return time.monotonic() - begin


def environment() -> dict[str, str]:
    """Return this process's environment with the checkout's own packages first."""
    paths = [str(ROOT / "python"), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def architecture() -> str | None:
    """Return the compute capability of the first GPU as CMake names it, or None where there is none.

    With "a" where the chip has instructions of its own.
    """
    ask_driver = ["nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader"]
    ask_torch = [sys.executable, "-c", "import torch; print('%d.%d' % torch.cuda.get_device_capability())"]
    for asked in (ask_driver, ask_torch):
        try:
            shown = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()
        except (OSError, subprocess.CalledProcessError):
            continue
        if shown:
            number = shown[0].replace(".", "")
            return f"{number}a-real" if number in ("90", "100") else f"{number}-real"
    return None


def _tool(name: str) -> str | None:
    places = [str(Path(sys.executable).parent), os.environ.get("PATH", ""), "/usr/local/cuda/bin"]
    if home := os.environ.get("CUDA_PATH"):
        places.append(str(Path(home, "bin")))
    return shutil.which(name, path=os.pathsep.join(places))


def _run(command: list[str]) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(
            f"{done.stdout[-6000:]}\n{' '.join(command[:4])} ... failed; its last lines are above"
        )
