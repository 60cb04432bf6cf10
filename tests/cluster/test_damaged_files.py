"""Files of rows that were cut short or changed: rows of other numbers, or an error that names the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from coterie.cluster import RowFiles

X = np.random.default_rng(0).standard_normal((600, 8)).astype(np.float32)


def write_columnar(path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import ipc, parquet

    table = pa.table({"rows": pa.FixedSizeListArray.from_arrays(pa.array(X.ravel()), 8)})
    if path.suffix == ".parquet":
        parquet.write_table(table, path, row_group_size=100)
    else:
        with ipc.new_file(path, table.schema) as writer:
            writer.write_table(table, max_chunksize=100)


WRITERS: dict[str, Any] = {
    "rows.npy": lambda path: np.save(path, X),
    "columns.npy": lambda path: np.save(path, np.asfortranarray(X)),
    "rows.npz": lambda path: sp.save_npz(path, sp.csr_array(X)),
    "rows.parquet": write_columnar,
    "rows.arrow": write_columnar,
}


def read(path: Path) -> str:
    """Return what reading all rows said, or nothing."""
    try:
        for _ in RowFiles(path).blocks(50):
            pass
    except (ValueError, OSError) as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", WRITERS)
def test_files_cut_short_are_named(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    WRITERS[name](path)
    whole = path.read_bytes()
    assert not read(path)
    for share in (0.0, 0.003, 0.1, 0.5, 0.9, 0.999):
        path.write_bytes(whole[: int(share * len(whole))])
        assert name in read(path), share


@pytest.mark.parametrize("name", WRITERS)
def test_files_with_a_changed_byte_are_read_or_named(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    WRITERS[name](path)
    whole = path.read_bytes()
    rng = np.random.default_rng(1)
    places = np.concatenate([np.arange(0, 160, 3), rng.integers(0, len(whole), 40), -np.arange(1, 400, 7)])
    for place in places.tolist():
        damaged = bytearray(whole)
        damaged[place] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        said = read(path)
        assert not said or name in said, place
