"""The files of a model folder: written with their hashes, read back only when every one of them is as promised.

Nothing in a folder is trusted: names are fixed patterns without folders, links and devices are not opened, sizes
are compared before anything is read, arrays are parsed by hand from the .npy layout (``numpy.load`` would also open
zip files), and no part of the format can name code.
"""

from __future__ import annotations

import ast
import hashlib
import io
import json
import math
import os
import re
import shutil
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coterie._version import __version__
from coterie.io import OutputFolder
from coterie.io._json import MAX_JSON_DEPTH, is_deeper_than

MANIFEST = "manifest.json"
FORMAT = "coterie model"
SCHEMA_VERSION = 1
READABLE_SCHEMA_VERSIONS = (1,)
MAX_MANIFEST_BYTES = 16 << 20

_FILE_NAME = re.compile(r"[a-z]+(\.[A-Za-z0-9_]+)*\.(npy|json)", re.ASCII)
_ARRAY_KINDS = ("|b1", "<i4", "<i8", "<u4", "<u8", "<f4", "<f8")
_NPY_MAGIC = b"\x93NUMPY"
_MAX_NPY_HEADER_BYTES = 4096
_NPY_ALIGNMENT = 64


class FolderWriter:
    """Collects the files of a model and writes them with a manifest."""

    def __init__(self) -> None:
        self._contents: dict[str, list[bytes | memoryview]] = {}
        self._copies: dict[str, Path] = {}

    def add_array(self, name: str, array: NDArray[Any]) -> str:
        """Store an array in C order and little-endian, without copying one that is; return its file's name."""
        ordered: Any = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).reshape(array.shape)
        if ordered.dtype.str not in _ARRAY_KINDS:
            raise TypeError(f"{name} must be a numeric array to be saved; got dtype {array.dtype}")
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(ordered))
        return self._add(f"{name}.npy", [header.getvalue(), memoryview(ordered.reshape(-1)).cast("B")])

    def add_json(self, name: str, value: Any) -> str:
        """Store plain JSON values; return the name of the file."""
        return self._add(f"{name}.json", [json.dumps(value, allow_nan=False).encode("ascii")])

    def add_copy(self, name: str, source: Path) -> None:
        """Copy a file when the folder is written; its hash is the caller's to keep."""
        self._copies[name] = source

    def digest(self, content: Any) -> str:
        """Return a SHA-256 of the files and of what the manifest is to say of them."""
        digest = hashlib.sha256(json.dumps(content, sort_keys=True, allow_nan=False).encode("ascii"))
        for name in sorted(self._contents):
            pieces = self._contents[name]
            digest.update(f"{name} {sum(map(len, pieces))} ".encode("ascii"))
            for piece in pieces:
                digest.update(piece)
        return digest.hexdigest()

    def write(self, folder: str | os.PathLike[str], content: dict[str, Any], *, overwrite: bool) -> None:
        """Write every file and, last, the manifest; the folder appears completely or not at all."""
        files = {}
        for name, pieces in self._contents.items():
            digest = hashlib.sha256()
            for piece in pieces:
                digest.update(piece)
            files[name] = {"bytes": sum(map(len, pieces)), "sha256": digest.hexdigest()}
        head = {"format": FORMAT, "schema_version": SCHEMA_VERSION, "coterie_version": __version__}
        manifest = json.dumps({**head, **content, "files": files}, indent=1, allow_nan=False) + "\n"
        with OutputFolder(folder, overwrite=overwrite) as output:
            for name, pieces in self._contents.items():
                with open(output.file(name), "wb") as file:
                    file.writelines(pieces)
            for name, source in self._copies.items():
                shutil.copyfile(source, output.file(name))
            output.file(MANIFEST).write_text(manifest, encoding="ascii")

    def _add(self, name: str, pieces: list[bytes | memoryview]) -> str:
        if not _FILE_NAME.fullmatch(name) or name in self._contents:
            raise ValueError(f"{name!r} cannot be the name of another file of a model folder")
        self._contents[name] = pieces
        return name


class FolderReader:
    """Reads a model folder that may be damaged or hostile; every doubt is a ValueError that names the file."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = os.fspath(folder)
        if Path(self.folder).exists() and not Path(self.folder).is_dir():
            raise NotADirectoryError(f"{self.folder!r} is a file; a model folder is wanted")
        if not Path(self.folder).is_dir():
            raise FileNotFoundError(f"model folder {self.folder!r} does not exist")
        if not os.path.lexists(Path(self.folder, MANIFEST)):
            raise FileNotFoundError(f"{self.folder!r} is not a model folder: it has no {MANIFEST}")
        manifest = self._parsed(MANIFEST, self._content(MANIFEST, None))
        self.manifest = self.mapping(manifest, MANIFEST)
        if self.manifest.get("format") != FORMAT:
            raise self.error(MANIFEST, f"its format must be {FORMAT!r}")
        version = self.manifest.get("schema_version")
        if type(version) is not int or version not in READABLE_SCHEMA_VERSIONS:
            readable = ", ".join(map(str, READABLE_SCHEMA_VERSIONS))
            raise self.error(
                MANIFEST,
                f"its schema version is {str(version)[:40]}; coterie {__version__} reads schema version {readable}",
            )
        self._files = self.mapping(self.manifest.get("files"), "files")

    def error(self, name: str, problem: str) -> ValueError:
        return ValueError(f"model folder {self.folder!r} is refused: {name}: {problem}")

    def mapping(self, value: Any, what: str, keys: Iterable[str] | None = None) -> dict[str, Any]:
        """Return ``value`` if it is an object (with exactly these ``keys``, when given)."""
        if not isinstance(value, dict):
            raise self.error(what, "a JSON object is wanted")
        if keys is not None and set(value) != set(keys):
            raise self.error(what, f"the fields {sorted(keys)} are wanted; got {str(sorted(value))[:200]}")
        return value

    def json(self, name: Any) -> Any:
        return self._parsed(str(name), self._checked(name, "json"))

    def array(self, name: Any) -> NDArray[Any]:
        """Read an array; its header must describe exactly the bytes that follow. NaN and infinity are refused."""
        data = self._checked(name, "npy")
        dtype, shape, start = self._npy_header(name, data)
        if start % _NPY_ALIGNMENT or math.prod(shape) * dtype.itemsize != len(data) - start:
            raise self.error(name, f"shape {shape} of {dtype} is not the size of the data")
        array = np.frombuffer(memoryview(data)[start:], dtype).reshape(shape)
        if dtype.kind == "f" and not np.isfinite(array).all():
            raise self.error(name, "it holds NaN or infinity")
        return array

    def _npy_header(self, name: str, data: bytearray) -> tuple[np.dtype[Any], tuple[int, ...], int]:
        length = int.from_bytes(data[8:10], "little")
        if data[:8] != _NPY_MAGIC + b"\x01\x00" or length > min(_MAX_NPY_HEADER_BYTES, len(data) - 10):
            raise self.error(name, "not an .npy file of version 1.0")
        try:
            header = ast.literal_eval(data[10 : 10 + length].decode("latin-1").strip())
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            raise self.error(name, "its .npy header is damaged") from None
        if not isinstance(header, dict) or set(header) != {"descr", "fortran_order", "shape"}:
            raise self.error(name, "its .npy header is damaged")
        kind, shape = header["descr"], header["shape"]
        if not isinstance(kind, str) or kind not in _ARRAY_KINDS:
            raise self.error(name, f"dtype {str(kind)[:40]!r} is not one of {', '.join(_ARRAY_KINDS)}")
        sizes_are_sound = isinstance(shape, tuple) and all(type(n) is int and 0 <= n < 2**48 for n in shape)
        if header["fortran_order"] is not False or not sizes_are_sound or len(shape) > 2:
            raise self.error(
                name, f"an array of at most two dimensions in C order is wanted; got {str(shape)[:80]}"
            )
        return np.dtype(kind), shape, 10 + length

    def _checked(self, name: Any, suffix: str) -> bytearray:
        """Return the content of a listed file once its name, size and hash are right."""
        if not isinstance(name, str) or not _FILE_NAME.fullmatch(name) or not name.endswith(f".{suffix}"):
            raise self.error(MANIFEST, f"{str(name)[:80]!r} is not the name of a .{suffix} file of a model")
        entry = self.mapping(self._files.get(name), f"files, {name}", ("bytes", "sha256"))
        if type(entry["bytes"]) is not int:
            raise self.error(MANIFEST, f"the size of {name} must be an integer")
        data = self._content(name, entry["bytes"])
        if hashlib.sha256(data).hexdigest() != entry["sha256"]:
            raise self.error(
                name, "its SHA-256 is not the one in the manifest: the file was changed or damaged"
            )
        return data

    def _content(self, name: str, size: int | None) -> bytearray:
        """Read a regular file of exactly ``size`` bytes; links are not followed, pipes not waited for."""
        try:
            descriptor = os.open(Path(self.folder, name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            raise self.error(name, "the file is missing") from None
        except OSError as error:
            raise self.error(name, f"it cannot be opened as a plain file ({error.strerror})") from None
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise self.error(name, "not a plain file")
            if size is None and status.st_size > MAX_MANIFEST_BYTES:
                raise self.error(name, f"{status.st_size} bytes are more than a manifest has")
            if size is not None and status.st_size != size:
                raise self.error(name, f"{status.st_size} bytes, where the manifest says {size}")
            data = bytearray(status.st_size)
            view, n_read = memoryview(data), 0
            while n_read < len(data) and (n := os.readv(descriptor, [view[n_read:]])):
                n_read += n
            if n_read != len(data):
                raise self.error(name, "the file changed while it was read")
        finally:
            os.close(descriptor)
        return data

    def _parsed(self, name: str, data: bytearray) -> Any:
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            raise self.error(name, "not UTF-8") from None
        if is_deeper_than(text, MAX_JSON_DEPTH):
            raise self.error(name, f"nested more than {MAX_JSON_DEPTH} deep")
        try:
            return json.loads(text, parse_constant=_refuse_constant)
        except ValueError as error:
            raise self.error(name, f"not JSON ({error})") from None


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
