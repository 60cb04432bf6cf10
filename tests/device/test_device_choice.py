"""The parameter ``device``: what is asked for is what runs, or a sentence says why not."""

import subprocess
import sys

import numpy as np
import pytest

from coterie import KMeans, MiniBatchKMeans, _core
from tests.device.on_gpu import OnGpu

X = np.random.default_rng(0).standard_normal((90, 6)).astype(np.float32)


def test_a_fit_on_a_device_is_the_fit_on_the_cpu():
    here = KMeans(4, random_state=0).fit(X)
    there = KMeans(4, random_state=0, device="emulated").fit(X)
    np.testing.assert_array_equal(here.labels_, there.labels_)
    np.testing.assert_array_equal(here.cluster_centers_, there.cluster_centers_)
    assert (here.inertia_, here.n_iter_) == (there.inertia_, there.n_iter_)
    np.testing.assert_array_equal(here.transform(X), there.transform(X))
    np.testing.assert_array_equal(here.predict_top_two(X)[0], there.predict_top_two(X)[0])
    assert here.score(X) == there.score(X)


@pytest.mark.parametrize("init", ["k-means++", "random"])
def test_rows_on_a_gpu_stay_there(one_gpu, init):
    here = KMeans(4, init=init, n_init=2, random_state=0).fit(X)
    there = KMeans(4, init=init, n_init=2, random_state=0, device="auto").fit(OnGpu(X))
    np.testing.assert_array_equal(here.cluster_centers_, there.cluster_centers_)
    np.testing.assert_array_equal(here.predict(X), there.predict(OnGpu(X)))
    assert there.n_features_in_ == 6
    with pytest.raises(ValueError, match="X has 5 features, but KMeans is expecting 6"):
        there.predict(OnGpu(X[:, :5].copy()))


def test_rows_on_a_gpu_and_another_device_asked_for(one_gpu):
    with pytest.raises(ValueError, match="device='cpu', but X lies on cuda:1"):
        KMeans(2).fit(OnGpu(X, 1))
    with pytest.raises(ValueError, match="device='cuda', but X lies on cuda:1"):
        KMeans(2, device="cuda").fit(OnGpu(X, 1))
    with pytest.raises(TypeError, match="MiniBatchKMeans runs on the CPU and X lies on cuda:0"):
        MiniBatchKMeans(2).fit(OnGpu(X))
    with pytest.raises(ValueError, match="at least one row"):
        KMeans(1, device="auto").fit(OnGpu(X[:0]))
    with pytest.raises(ValueError, match="2D array, got 1D"):
        KMeans(1, device="auto").fit(OnGpu(X[0]))


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:-1", "cuda:x", "CPU", ""])
def test_unknown_devices_are_refused(name):
    with pytest.raises(ValueError, match="device must be 'auto', 'cpu', 'cuda' or 'cuda:N'"):
        KMeans(2, device=name).fit(X)


def test_a_device_of_the_wrong_kind_is_refused():
    with pytest.raises(TypeError, match="device must be a str; got 0 of type int"):
        KMeans(2, device=0).fit(X)


def test_rows_on_a_gpu_are_not_streamed(one_gpu):
    with pytest.raises(ValueError, match="memory_limit, checkpoint and resume are for rows on the host"):
        KMeans(2, device="auto", memory_limit="1GB").fit(OnGpu(X))


def test_the_state_says_why_there_is_no_device():
    state = _core.cuda_state()
    assert bool(state["problem"]) == (not any(device["supported"] for device in state["devices"]))
    if not state["problem"]:
        pytest.skip("a CUDA device is here")
    with pytest.raises(RuntimeError, match="device='cuda': ") as error:
        KMeans(2, device="cuda").fit(X)
    assert state["problem"] in str(error.value)
    assert KMeans(2, device="auto", random_state=0).fit(X).n_iter_ >= 1  # there is none: the CPU


def test_hidden_devices_are_no_devices():
    if not _core.cuda_state()["built"]:
        pytest.skip("built without CUDA")
    program = "from coterie import _core; print(_core.cuda_state()['problem'])"
    shown = subprocess.run(
        [sys.executable, "-c", program],
        env={"CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "no NVIDIA driver is installed" in shown or "finds no device" in shown
