"""``--device`` of ``coterie cluster``, and what ``coterie doctor`` says of the devices that a machine may have."""

from __future__ import annotations

import json

import pytest

from coterie import _core
from coterie.cli import doctor

NO_DRIVER = "no NVIDIA driver is installed on this machine"
OLD_DRIVER = "the NVIDIA driver is too old: it supports CUDA 11.4 and this build needs CUDA 13.0"


def gpu(index, *, supported=True):
    return {
        "index": index,
        "name": "Test GPU",
        "compute_capability": (9, 0) if supported else (7, 5),
        "processors": 132,
        "memory_bytes": 80 << 30,
        "supported": supported,
    }


def state(*devices, problem="", driver=(13, 0), built=True):
    facts = {"built": built, "architectures": "90a" if built else "", "runtime": (13, 0) if built else (0, 0)}
    return {**facts, "driver": driver, "devices": list(devices), "problem": problem}


class Opened:
    """A device as the extension opens it: number 1 belongs to another process."""

    def __init__(self, name):
        if name == "cuda:1":
            raise RuntimeError("opening the device: cudaErrorDevicesUnavailable; it is busy")
        self.free_memory = 79 << 30


@pytest.mark.parametrize(
    ("found", "rows"),
    [
        (
            state(gpu(0), gpu(1), gpu(2, supported=False)),
            {
                "CUDA": "built with CUDA 13.0 for 90a; the driver supports 13.0; device='cuda' can be used",
                "cuda:0": "Test GPU, compute capability 9.0, 80 GiB, 132 processors; 79.0 GiB are free; "
                "K-means multiplies by mma.sync, not wgmma: its products are WRONG: row 1",
                "cuda:1": "cannot be opened: opening the device: cudaErrorDevicesUnavailable; it is busy",
                "cuda:2": "7.5, 80 GiB, 132 processors; too old: compute capability 8.0 (Ampere) is the least",
            },
        ),
        (
            state(problem=NO_DRIVER, driver=(0, 0)),
            {"CUDA": f"no driver; device='cuda' is refused: {NO_DRIVER}"},
        ),
        (
            state(problem=OLD_DRIVER, driver=(11, 4)),
            {"CUDA": f"supports 11.4; device='cuda' is refused: {OLD_DRIVER}"},
        ),
        (
            state(problem="no CUDA code", built=False),
            {"CUDA": "built without CUDA; device='cuda' is refused: no CUDA"},
        ),
    ],
)
def test_doctor_has_a_sentence_for_each_state(monkeypatch, found, rows):
    monkeypatch.setattr(_core, "cuda_state", lambda: found)
    monkeypatch.setattr(_core, "Device", Opened)
    monkeypatch.setattr(_core, "wgmma_state", lambda device: (False, "its products are WRONG: row 1"))
    shown = doctor._cuda_rows(doctor._cuda())
    assert list(shown) == list(rows)
    for name, text in rows.items():
        assert text in shown[name]


def test_clusters_are_the_same_on_a_device(call, document_file):
    """The emulation stands for a GPU."""
    answers = [
        json.loads(call("cluster", document_file, "-k", "3", "--json", "--device", device).stdout)
        for device in ("cpu", "emulated")
    ]
    assert [answer["parameters"].pop("device") for answer in answers] == ["cpu", "emulated"]
    assert answers[0]["clusters"] == answers[1]["clusters"]
    assert answers[0]["metrics"] == answers[1]["metrics"]


def test_a_corpus_that_is_streamed_passes_through_the_device(call, document_file):
    answers = [
        json.loads(call("cluster", document_file, "-k", "3", "--json", *options).stdout)
        for options in ([], ["--device", "emulated", "--memory-limit", "4GB"])
    ]
    assert answers[1]["parameters"]["device"] == "emulated"
    assert answers[0]["clusters"] == answers[1]["clusters"]


def test_an_estimate_tells_the_memory_of_the_device(run, document_file):
    options = ["estimate", document_file, "-k", "3", "--device", "emulated"]
    shown = " ".join(run(*options).stdout.split())
    assert (
        "memory of device 0 (emulation of a CUDA device on the host): 67 MB of 1,099.5 GB that are free"
        in shown
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--device", "gpu"], "device must be 'auto', 'cpu', 'cuda' or 'cuda:N'; got 'gpu'"),
        (["--device", "cuda", "--clusterer", "ward"], "device='cuda' is for kmeans; ward runs on the CPU"),
    ],
)
def test_refusals_say_what_was_wanted(call, document_file, arguments, message):
    assert message in call("cluster", document_file, "-k", "3", *arguments, fails=1).stderr


def test_without_a_gpu_cuda_is_refused_and_auto_is_the_cpu(call, document_file):
    problem = _core.cuda_state()["problem"]
    if not problem:
        pytest.skip("a CUDA device is here")
    assert problem in call("cluster", document_file, "-k", "3", "--device", "cuda", fails=1).stderr
    for clusterer in ("kmeans", "ward"):
        options = ["-k", "3", "--device", "auto", "--clusterer", clusterer, "--json"]
        assert json.loads(call("cluster", document_file, *options).stdout)["n_clusters"] == 3
