"""What a fit takes of a device's memory is told before anything is copied, with what would fit."""

import numpy as np
import pytest
import scipy.sparse as sp

from coterie import KMeans, _core, _device
from coterie.cluster._device_memory import check_room, device_bytes

X = np.ones((1000, 64), np.float32)


class Small:
    """A device with little memory."""

    name, index = "Test GPU", 1

    def __init__(self, free_memory):
        self.free_memory = free_memory


@pytest.mark.parametrize("rows", [X, sp.csr_array(X)])
def test_rows_that_do_not_fit_are_refused_with_what_would(rows):
    stored = rows.nnz if sp.issparse(rows) else None
    needed = device_bytes(1000, 64, 8, stored, lent=False)
    none = device_bytes(0, 64, 8, None if stored is None else 0, lent=False)
    check_room(Small(needed), rows, 8)
    with pytest.raises(MemoryError, match=r"about 500 rows would fit; memory_limit=") as error:
        check_room(Small(none + (needed - none) // 2 + 1), rows, 8)
    assert "n_samples=1000, n_features=64 and n_clusters=8 take about 0.07 GB" in str(error.value)
    assert "device 1 (Test GPU), and 0.07 GB are free" in str(error.value)
    with pytest.raises(MemoryError, match="about 0 rows would fit"):
        check_room(Small(0), rows, 8)


def test_a_fit_asks_first(monkeypatch):
    monkeypatch.setattr(_device, "_opened", lambda name: Small(1 << 20))
    with pytest.raises(MemoryError, match="device='cpu' fits them on the host"):
        KMeans(2, device="cuda:1").fit(X)


def test_the_count_is_that_of_the_arrays():
    """Rows, their bfloat16 copy, and 100 to 140 bytes for each; centres, sums and their copy."""
    for n, d, k in ((10**6, 384, 1000), (64 * 10**6, 128, 100)):
        rows, centres = n * 4 * d + n * 2 * d, k * d * 14
        assert 0 <= device_bytes(n, d, k, None, lent=False) - rows - centres - (64 << 20) - 100 * n <= 40 * n
        assert device_bytes(n, d, k, None, lent=False) - device_bytes(n, d, k, None, lent=True) == n * 4 * d
    assert device_bytes(100, 10**5, 100, 10**4, lent=False) >= 112 * 12 * 10**5
    assert _core.Device("emulated").free_memory == 1 << 40
