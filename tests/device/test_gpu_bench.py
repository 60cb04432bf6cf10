"""The benchmark that waits for a GPU, rehearsed on the emulation of one: its programs run and its table is whole."""

import shutil
import subprocess
import time

import pytest

from bench.gpu import build, cases
from bench.gpu.build import ROOT
from bench.gpu.machines import Emulation


@pytest.fixture(autouse=True)
def one_repeat(monkeypatch):
    monkeypatch.setattr(cases.rivals, "REPEATS", 1)
    monkeypatch.setattr(cases.rivals, "MOST_ITERATIONS", 1)


def test_every_case_has_its_line():
    machine = Emulation()
    rows = list(cases.measure(machine, machine.ceilings(), time.monotonic() + 300))
    lines = cases.table(rows).splitlines()
    assert len(lines) == 1 + len(rows) == 1 + len(cases.REHEARSED) * len(cases.rivals.RIVALS) + 3
    ours = [row for row in rows if row["library"] in ("coterie", "coterie, labels alone")]
    assert all(row["seconds"] > 0 and row["share"] > 0 and row["read"] > 0 for row in ours)
    assert len(ours) == 2 * len(cases.REHEARSED)
    streamed, words, pairs = rows[-3:]
    assert "GB/s from the host" in streamed["note"]
    assert "MB/s, emulated" in words["note"]
    assert "MB/s, emulated" in pairs["note"]
    assert pairs["d"] > words["d"]


def test_nothing_is_begun_when_the_time_is_up():
    machine = Emulation()
    rows = list(cases.measure(machine, machine.ceilings(), time.monotonic() - 1))
    assert [row["note"] for row in rows] == ["no time left"] * (len(cases.REHEARSED) + 3)


def test_labels_that_differ_are_told_instead_of_a_time(monkeypatch):
    machine = Emulation()
    x, centers = machine.make_rows(60, 33, 5)
    assert cases.differing_labels(machine, x, centers) == ""
    real = machine.samples
    monkeypatch.setattr(machine, "samples", lambda rows: real(-rows))
    found = cases.differing_labels(machine, x, centers)
    assert "of 60 labels differ from the CPU's" in found
    shape = dict(zip("ndk", (60, 33, 5), strict=True))
    rows = list(cases.run_case(machine, shape, machine.ceilings(), time.monotonic() + 60))
    assert "labels differ" in rows[0]["note"]
    assert "seconds" not in rows[0]


def test_a_library_that_fails_has_a_line_and_the_others_their_turn(monkeypatch):
    class CompilationError(Exception):
        """As Triton's, which is no RuntimeError."""

    def fail(*args):
        raise CompilationError("no power of two")

    machine = Emulation()
    monkeypatch.setitem(cases.rivals.RIVALS, "coterie", ("coterie", fail))
    monkeypatch.setattr(cases.streams, "streamed", fail)
    rows = {row["library"]: row for row in cases.measure(machine, machine.ceilings(), time.monotonic() + 300)}
    assert rows["coterie"]["note"] == rows["coterie, streamed"]["note"] == "CompilationError: no power of two"
    assert rows["coterie, labels alone"]["seconds"] > 0
    assert "MB/s" in rows["TF-IDF"]["note"]


def test_a_device_that_is_lost_has_a_line(monkeypatch):
    machine = Emulation()

    def lost(*args):
        raise RuntimeError("an illegal memory access was encountered")

    monkeypatch.setattr(machine, "make_rows", lost)
    monkeypatch.setattr(cases.streams, "streamed", lost)
    monkeypatch.setattr(cases.streams, "words", lost)
    rows = list(cases.measure(machine, machine.ceilings(), time.monotonic() + 300))
    assert {row["note"] for row in rows} == {"RuntimeError: an illegal memory access was encountered"}
    assert len(cases.table(rows).splitlines()) == 1 + len(rows) == 5


def test_iterations_that_a_fit_did_not_need_do_not_count(monkeypatch):
    """A fit that converges in three iterations of a second each."""
    monkeypatch.setattr(cases.rivals, "MOST_ITERATIONS", 10)
    clock = [0.0]
    monkeypatch.setattr(cases.rivals.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(cases.rivals, "SECONDS", 100.0)

    def fit(n):
        clock[0] += 5 + min(n, 3)
        return cases.rivals.Run(min(n, 3), f"{n} asked for")

    assert cases.rivals.seconds_per_iteration(fit, lambda: None) == (1.0, "11 asked for")


def test_a_machine_without_a_gpu_is_told_so(monkeypatch):
    def nothing(*args, **kwargs):
        raise FileNotFoundError

    monkeypatch.setattr(build.subprocess, "run", nothing)
    assert build.architecture() is None


@pytest.mark.parametrize(
    ("shown", "name"), [("9.0\n9.0\n", "90a-real"), ("8.6\n", "86-real"), ("12.0", "120-real")]
)
def test_the_build_is_for_the_gpu_that_is_there(monkeypatch, shown, name):
    class Done:
        stdout = shown

    monkeypatch.setattr(build.subprocess, "run", lambda *args, **kwargs: Done())
    assert build.architecture() == name


@pytest.mark.parametrize(
    ("found", "built"),
    [
        ("80-real;90-real;120-real", "80-real;90a-real;120-real"),
        ("90-real", "90a-real"),
        ("89-real", "89-real"),
        ("No CUDA devices found.-real", "80-real;90a-real"),
        ("", "80-real;90a-real"),
    ],
)
def test_native_has_the_instructions_of_the_chip(tmp_path, found, built):
    """What `native` means to CMake is code for sm_90, without wgmma, or a sentence where there is no GPU."""
    cmake = shutil.which("cmake")
    if cmake is None:
        pytest.skip("no CMake")
    script = tmp_path / "native.cmake"
    script.write_text(
        f'include("{ROOT}/cmake/NativeArchitectures.cmake")\n'
        f'coterie_native_architectures("{found}" "80-real;90a-real" built)\n'
        'message("${built}")\n'
    )
    done = subprocess.run([cmake, "-P", script], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == built
