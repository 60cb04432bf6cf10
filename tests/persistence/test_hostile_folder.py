"""A model folder from somebody else: refused with the name of the file, and nothing in it is executed."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coterie import KMeans
from coterie.persistence import load, load_model, save

X = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
CENTERS = "estimator.cluster_centers_.npy"
LABELS = "estimator.labels_.npy"


class Bomb:
    """Leaves a trace when it is unpickled."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("executed",)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    save(KMeans(3, random_state=0).fit(X), tmp_path / "model")
    return tmp_path / "model"


def check_refused(folder: Path, match: str) -> None:
    with pytest.raises(ValueError, match=match) as caught:
        load(folder)
    assert str(caught.value).startswith(f"model folder {str(folder)!r} is refused: ")
    assert len(str(caught.value)) < 1000
    assert not Path("executed").exists()


def edit(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


def replace(folder: Path, name: str, data: bytes) -> None:
    """Put other content into a file and its right size and hash into the manifest."""
    (folder / name).write_bytes(data)
    entry = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    edit(folder, lambda manifest: manifest["files"].update({name: entry}))


def npy(array: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asanyarray(array), **options)
    return file.getvalue()


def npy_with_header(header: str, data: bytes = b"") -> bytes:
    padded = header.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded.encode() + data


def test_missing_folder_and_manifest(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist"):
        load(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match=r"not a model folder: it has no manifest\.json"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "manifest.json: not JSON"),
        ("[]", "manifest.json: a JSON object is wanted"),
        ("{}", "manifest.json: its format must be 'coterie model'"),
        ('{"format": "coterie model"}', "its schema version is None; coterie .* reads schema version 1"),
        (
            '{"format": "coterie model", "schema_version": 2}',
            "its schema version is 2; .* reads schema version 1",
        ),
        ('{"format": "coterie model", "schema_version": true}', "its schema version is True"),
        ('{"format": "coterie model", "schema_version": 1}', "files: a JSON object is wanted"),
        ('{"format": "coterie model", "schema_version": 1, "files": {}}', "parts: a JSON object is wanted"),
        ('{"n": NaN}', "not JSON"),
        ('{"n": ' + "9" * 5000 + "}", "not JSON"),
        ("[" * 200_000, "nested more than 200 deep"),
        ('{"a":' * 200_000, "nested more than 200 deep"),
        (" " * (17 << 20), "more than a manifest has"),
        ("\udcff", "not UTF-8"),
    ],
)
def test_manifest_that_is_not(folder: Path, text: str, match: str) -> None:
    (folder / "manifest.json").write_bytes(text.encode("utf-8", errors="surrogateescape"))
    check_refused(folder, match)


@pytest.mark.parametrize(
    "name",
    [
        *("../outside.npy", "/etc/passwd", "sub/a.npy", "..", "", "a\0.npy", "A.npy", "a.npy\n"),
        *("a.pkl", "manifest.json", 3, None, ["a"], "x" * 300),
    ],
)
def test_file_names_stay_inside(folder: Path, name: Any) -> None:
    (folder.parent / "outside.npy").write_bytes((folder / CENTERS).read_bytes())

    def change(manifest: dict[str, Any]) -> None:
        manifest["files"][str(name)] = manifest["files"][CENTERS]
        manifest["parts"]["estimator"]["attributes"]["cluster_centers_"] = {"array": name}

    edit(folder, change)
    check_refused(folder, "manifest.json: .* is not the name of a .npy file of a model")


@pytest.mark.parametrize("name", [CENTERS, "manifest.json"])
def test_links_and_devices_are_not_opened(folder: Path, name: str) -> None:
    outside = folder.parent / "outside"
    outside.write_bytes((folder / name).read_bytes())
    (folder / name).unlink()
    (folder / name).symlink_to(outside)
    check_refused(folder, f"{name}: it cannot be opened as a plain file")
    (folder / name).unlink()
    os.mkfifo(folder / name)
    check_refused(folder, f"{name}: not a plain file")
    (folder / name).unlink()
    (folder / name).mkdir()
    check_refused(folder, f"{name}: ")


def test_changed_and_missing_files(folder: Path) -> None:
    data = (folder / CENTERS).read_bytes()
    (folder / CENTERS).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    check_refused(folder, f"{CENTERS}: its SHA-256 is not the one in the manifest")
    (folder / CENTERS).write_bytes(data[:-1])
    check_refused(folder, f"{CENTERS}: {len(data) - 1} bytes, where the manifest says {len(data)}")
    (folder / CENTERS).unlink()
    check_refused(folder, f"{CENTERS}: the file is missing")
    edit(folder, lambda manifest: manifest["files"].pop(CENTERS))
    check_refused(folder, f"files, {CENTERS}: a JSON object is wanted")
    edit(folder, lambda manifest: manifest["files"].update({CENTERS: {"bytes": "1", "sha256": ""}}))
    check_refused(folder, f"the size of {CENTERS} must be an integer")


def zip_of_arrays() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("arr_0.npy", npy(np.zeros((3, 4), np.float32)))
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (npy(np.array([[Bomb()]], dtype=object), allow_pickle=True), r"dtype '\|O' is not one of"),
        (pickle.dumps(Bomb()), "not an .npy file"),
        (zip_of_arrays(), "not an .npy file"),
        (b"", "not an .npy file"),
        (b"\x93NUMPY\x01\x00\xff\xff", "not an .npy file"),
        (npy(np.zeros((3, 4), np.float32), version=(2, 0)), "not an .npy file of version 1.0"),
        (npy(np.zeros((3, 4), "U2")), "dtype '<U2' is not one of"),
        (npy(np.zeros((3, 4), "f4,i4")), "dtype .* is not one of"),
        (npy(np.zeros((3, 4), ">f4")), "dtype '>f4' is not one of"),
        (npy(np.zeros((3, 4), np.complex64)), "dtype '<c8' is not one of"),
        (npy(np.zeros((3, 4), np.float32, order="F")), "C order is wanted"),
        (npy(np.zeros((3, 4, 1), np.float32)), "at most two dimensions"),
        (npy(np.zeros((3, 4), np.float64)), "a float32 array of 2 dimensions is wanted; got float64"),
        (
            npy(np.zeros(12, np.float32)),
            r"a float32 array of 2 dimensions is wanted; got float32 of shape \(12,\)",
        ),
        (npy(np.zeros((2, 4), np.float32)), r"centres of shape \(2, 4\) for 3 clusters of 4 features"),
        (npy(np.zeros((3, 5), np.float32)), r"centres of shape \(3, 5\) for 3 clusters of 4 features"),
        (npy(np.full((3, 4), np.nan, np.float32)), "it holds NaN or infinity"),
        (npy(np.full((3, 4), -np.inf, np.float32)), "it holds NaN or infinity"),
        (npy(np.zeros((3, 4), np.float32)) + b"\0", "is not the size of the data"),
        (
            npy_with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (1073741824, 1048576)}"),
            "is not the size of the data",
        ),
        (
            npy_with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (-3, -4)}", bytes(48)),
            "at most two dimensions",
        ),
        (
            npy_with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (True, 12)}", bytes(48)),
            "at most two dimensions",
        ),
        (npy_with_header("{'descr': '<f4', 'fortran_order': False}"), "header is damaged"),
        (npy_with_header("__import__('os').mkdir('executed')"), "header is damaged"),
        (npy_with_header("(" * 100), "header is damaged"),
        (
            npy_with_header("{'descr': '<f4', 'fortran_order': 0, 'shape': (3, 4)}", bytes(48)),
            "C order is wanted",
        ),
    ],
)
def test_arrays_that_are_not(folder: Path, data: bytes, match: str) -> None:
    replace(folder, CENTERS, data)
    check_refused(folder, f"estimator.*{match}")


def test_labels_outside_of_the_clusters(folder: Path) -> None:
    for label in (3, -1):
        replace(folder, LABELS, npy(np.full(60, label, np.int32)))
        check_refused(folder, "estimator: labels_ outside of the clusters")


@pytest.mark.parametrize(
    ("path", "value", "match"),
    [
        ("class", "os.system", "its class must be one of KMeans, .*; got 'os.system'"),
        ("class", ["KMeans"], "its class must be one of"),
        ("class", "TfidfTransformer", "unknown parameters"),
        ("parameters.surprise", 1, r"unknown parameters: \[.surprise.\]"),
        ("parameters", [], "a JSON object is wanted"),
        ("parameters.n_clusters", 4, r"centres of shape \(3, 4\) for 4 clusters"),
        ("parameters.n_clusters", "3", "centres of shape"),
        ("parameters.metric", "manhattan", "metric must be one of 'euclidean', 'cosine'; got 'manhattan'"),
        ("parameters.n_threads", 0, "n_threads must be >= 1"),
        ("parameters.max_iter", {"dict": []}, "max_iter must be an integer"),
        ("parameters.init", {"call": "os.system"}, "one of the tags .* is wanted"),
        ("parameters.init", {}, "one of the tags .* is wanted"),
        ("parameters.init", {"array": 3}, "is not the name of a .npy file"),
        ("parameters.init", {"dict": [["a"]]}, r"a list of \[key, value\] is wanted"),
        ("parameters.init", {"set": [1]}, "a list of strings is wanted"),
        ("parameters.init", {"strings": "abc"}, "a list is wanted"),
        ("parameters.init", {"float": "1"}, "a float is one of inf, -inf, nan"),
        ("parameters.init", {"dtype": "O"}, "a dtype is one of"),
        ("parameters.random_state", {"random_state": []}, "Mersenne Twister"),
        ("parameters.random_state", {"random_state": ["MT19937", LABELS, 0, 0, 0.0]}, "generator is damaged"),
        ("attributes", {}, "attributes missing"),
        ("attributes._check_parameters", 1, r"unknown: \['_check_parameters'\]"),
        ("attributes.__class__", 1, r"unknown: \['__class__'\]"),
        ("attributes.n_iter_", 1.5, "int is wanted; got float"),
        ("attributes.n_iter_", True, "int is wanted; got bool"),
        ("attributes.n_iter_", 2**70, "an integer between 0 and"),
        ("attributes.n_iter_", -1, "an integer between 0 and"),
        ("attributes.inertia_", {"float": "nan"}, "a finite number is wanted; got nan"),
        ("attributes.inertia_", 1, "float is wanted; got int"),
        ("attributes.n_features_in_", 5, "for 3 clusters of 5 features"),
        (
            "attributes.cluster_centers_",
            {"array": LABELS},
            "a float32 array of 2 dimensions is wanted; got int32",
        ),
        ("attributes.cluster_centers_", [[0.0]], "a float32 array of 2 dimensions is wanted; got list"),
        ("attributes.feature_names_in_", {"strings": ["a"]}, "1 feature names for 4 features"),
        ("extra", 1, "the fields .* are wanted"),
    ],
)
def test_entries_that_are_not(folder: Path, path: str, value: Any, match: str) -> None:
    def change(manifest: dict[str, Any]) -> None:
        place = manifest["parts"]["estimator"]
        *parents, last = path.split(".")
        for parent in parents:
            place = place[parent]
        place[last] = value

    edit(folder, change)
    check_refused(folder, match)


def test_an_estimator_is_not_a_model(folder: Path) -> None:
    with pytest.raises(
        ValueError, match=r"ClusterModel is wanted; got 'KMeans': coterie\.persistence\.load reads"
    ):
        load_model(folder)
    edit(folder, lambda manifest: manifest.update(kind="ClusterModel"))
    check_refused(folder, r"parts: the fields \['kmeans', 'vectorizer'\] are wanted")
