"""What tests of devices share."""

import pytest

from coterie import _core, _device


@pytest.fixture
def one_gpu(monkeypatch):
    """A machine with one GPU, number 0, which the emulation stands for."""
    monkeypatch.setattr(_device, "_opened", lambda name: _core.Device("emulated"))
