"""The host's side of CUDA, compiled against a runtime that stands for machines with no, two, old or busy GPUs."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
CPP = HERE.parents[1] / "cpp"


def cuda_headers():
    nvcc = shutil.which("nvcc", path=os.environ.get("PATH", "") + ":/usr/local/cuda/bin")
    homes = [os.environ.get("CUDA_PATH", ""), "/usr/local/cuda"]
    homes += [str(Path(nvcc).resolve().parents[1])] if nvcc else []
    found = [
        Path(home) / "include" for home in homes if home and (Path(home) / "include/cuda_runtime.h").is_file()
    ]
    return found[0] if found else None


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    compiler, headers = shutil.which("c++") or shutil.which("g++"), cuda_headers()
    if compiler is None or headers is None:
        pytest.skip("no C++ compiler, or no headers of CUDA")
    program = tmp_path_factory.mktemp("cuda") / "host_side"
    kept = ("cuda/device.cpp", "cuda/emulated_device.cpp", "cuda/cuda_device.cu", "cuda/cuda_queues.cu")
    core = ("core/check.cpp", "core/parallel.cpp", "core/interrupt.cpp")
    command = [compiler, "-std=c++20", "-O0", "-pthread", f"-I{CPP}", f"-isystem{headers}", f"-I{HERE}"]
    command += ['-DCOTERIE_CUDA_ARCHITECTURES="90a"', "-xc++"]
    command += [str(CPP / name) for name in kept + core]
    command += [str(HERE / name) for name in ("fake_cuda_runtime.cpp", "cuda_host_side.cpp")]
    subprocess.run([*command, "-o", str(program)], check=True)
    lines = subprocess.run([program], capture_output=True, text=True, check=True).stdout.splitlines()
    return dict(line.split(": ", 1) for line in lines)


@pytest.mark.parametrize(
    ("machine", "sentence"),
    [
        ("no driver", "no NVIDIA driver is installed on this machine"),
        ("old driver", "the NVIDIA driver is too old: it supports CUDA 11.4 and this build needs CUDA"),
        (
            "no device",
            "the NVIDIA driver finds no device (none is installed, or CUDA_VISIBLE_DEVICES hides them)",
        ),
        ("third of two", "device='cuda:2': this machine has 2 CUDA device(s), numbered from 0"),
        ("old device", "device='cuda:1': Test GPU has compute capability 7.0; 8.0 (Ampere) is the least"),
        ("only old devices", "no device of compute capability 8.0 or later (Ampere) is here"),
        ("busy", "another process holds the device in exclusive mode, or it is busy"),
        ("full", "device 0 cannot be opened: that takes some hundred MiB and its memory is taken"),
        ("fabric manager", "the machine's fabric manager does not run, or has not finished"),
        ("updated driver", "the driver was updated and its old part is still loaded: restart the machine"),
        ("forked", "CUDA cannot be used in a process forked from one that used it"),
        ("memory", "device 0 (Test GPU): the rows take 2.00 GiB and 1.00 GiB of 16.00 GiB are free"),
        ("pinned memory", "pinned memory for uploads: the host cannot lock 16 MiB of its memory"),
        ("second of two", "1 Test GPU"),
    ],
)
def test_each_machine_has_its_sentence(shown, machine, sentence):
    assert sentence in shown[machine]


@pytest.mark.parametrize(
    "what",
    [
        "strided upload",
        "feed and mailbox",
        "full mailbox",
        "recording",
        "recording that is given up",
        "recording that fails",
        "current device",
        "nothing left",
    ],
)
def test_what_is_queued_happens_in_its_order(shown, what):
    assert shown[what] == "right"
