"""The emulation shows the mistakes it is there for: each is made once, in emulated_programs.cpp."""

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
CPP = HERE.parents[1] / "cpp"


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    compiler = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("no C++ compiler to build the programs with")
    program = tmp_path_factory.mktemp("emulation") / "programs"
    sources = [HERE / "emulated_programs.cpp"]
    names = ("emulated_block.cpp", "emulated_device.cpp", "no_cuda.cpp", "wgmma_check.cpp")
    sources += [CPP / "cuda" / name for name in names]
    subprocess.run([compiler, "-std=c++20", "-O1", f"-I{CPP}", *sources, "-o", program], check=True)
    lines = subprocess.run([program], capture_output=True, text=True, check=True).stdout.splitlines()
    return dict(line.split(": ") for line in lines)


@pytest.mark.parametrize(
    ("program", "verdict"),
    [
        ("barrier", "right"),
        ("no barrier", "wrong"),
        ("colliding writes", "collision"),
        ("copy waited for", "right"),
        ("copy not waited for", "wrong"),
        ("copy replaced after it was read", "right"),
        ("copy replaced before it was read", "wrong"),
        ("copy of misaligned bytes", "refused"),
        ("product", "right"),
        ("products waited for", "right"),
        ("products not waited for", "wrong"),
        ("check of wgmma", "right"),
        ("check of a wgmma that errs", "wrong"),
    ],
)
def test_the_emulation_tells_a_right_program_from_a_wrong_one(shown, program, verdict):
    assert shown[program] == verdict
