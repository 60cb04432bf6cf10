"""States of a streamed fit on disk: one file, written beside its place and renamed, so that it is always whole."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from coterie import _core
from coterie.cluster._stream import LloydState, NonzeroCenters
from coterie.io import atomic_write

_FILE = "checkpoint.npz"
_VERSION = 2
_NONZERO_CENTERS = [f"nonzero_centers_{name}" for name in NonzeroCenters._fields]


@dataclass
class FitState:
    """Where a fit stands: the run under way, the best one before it, and the generator of further seeds."""

    run: int
    lloyd: LloydState
    best: _core.LloydRun | None
    random: np.random.RandomState


class Checkpoint:
    """A folder that holds the last state of one fit."""

    def __init__(self, folder: str | os.PathLike[str], identity: Mapping[str, Any]) -> None:
        self._path = Path(folder, _FILE)
        self._identity = json.dumps(dict(identity), sort_keys=True)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # What a killed process was writing; a checkpoint folder belongs to one fit at a time.
        for staging in self._path.parent.glob(".coterie-staging-*"):
            shutil.rmtree(staging, ignore_errors=True)

    def save(self, state: FitState) -> None:
        """Replace the state on disk."""
        kind, keys, position, has_gauss, gauss = state.random.get_state(legacy=True)
        header = {
            "version": _VERSION,
            "identity": self._identity,
            "run": state.run,
            "lloyd": {f.name: getattr(state.lloyd, f.name) for f in _scalars()},
            "best": None if state.best is None else list(state.best[2:]),
            "random": [kind, int(position), int(has_gauss), float(gauss)],
        }
        arrays = {f.name: getattr(state.lloyd, f.name) for f in fields(LloydState) if f not in _scalars()}
        if isinstance(centers := state.lloyd.centers, NonzeroCenters):
            del arrays["centers"]
            arrays |= dict(zip(_NONZERO_CENTERS, centers, strict=True))
        if state.best is not None:
            arrays |= {"best_labels": state.best[0], "best_centers": state.best[1]}
        with atomic_write(self._path, overwrite=True) as staged, staged.open("wb") as stream:
            np.savez(stream, header=np.array(json.dumps(header)), random_keys=keys, **arrays)

    def load(self) -> FitState | None:
        """Return the state on disk, or None when there is none; refuse that of another fit."""
        if not self._path.exists():
            return None
        try:
            with self._path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                arrays = dict(file)
            header = json.loads(str(arrays.pop("header")))
            version = header["version"]
        except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise ValueError(f"checkpoint {os.fspath(self._path)!r} is damaged: {error}") from error
        if version != _VERSION:
            raise ValueError(f"checkpoint {os.fspath(self._path)!r} has version {version}; wanted {_VERSION}")
        self._check_identity(header["identity"])
        random = np.random.RandomState()
        kind, position, has_gauss, gauss = header["random"]
        random.set_state((kind, arrays.pop("random_keys"), position, has_gauss, gauss))
        best: Any = None
        if header["best"] is not None:
            best = (arrays.pop("best_labels"), arrays.pop("best_centers"), *header["best"])
        if "centers" not in arrays:
            arrays["centers"] = NonzeroCenters(*(arrays.pop(name) for name in _NONZERO_CENTERS))
        return FitState(header["run"], LloydState(**arrays, **header["lloyd"]), best, random)

    def _check_identity(self, found: str) -> None:
        if found == self._identity:
            return
        theirs, ours = json.loads(found), json.loads(self._identity)
        differing = sorted(key for key in theirs.keys() | ours.keys() if theirs.get(key) != ours.get(key))
        raise ValueError(
            f"checkpoint {os.fspath(self._path)!r} is of another fit; it differs in {', '.join(differing)}"
        )


def digest(array: Any) -> str | None:
    """Return what identifies an array's dtype, shape and content."""
    if array is None:
        return None
    values = np.ascontiguousarray(array)
    return hashlib.sha256(repr((values.dtype.str, values.shape)).encode() + values.tobytes()).hexdigest()


def _scalars() -> list[Any]:
    return [f for f in fields(LloydState) if f.type in ("int", "str", "bool")]
