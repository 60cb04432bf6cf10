"""What an ONNX file refers to, read from its protocol buffer before any runtime opens it.

A file from elsewhere may name operators of a library that would have to be loaded, and may keep its weights in other
files, named by paths that leave its folder. Both are looked for here, by the wire format and without a schema library:
field numbers are those of onnx.proto3.
"""

from __future__ import annotations

import mmap
import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import NamedTuple

# Message kinds and their fields that hold messages of interest: field number -> kind.
_GRAPH, _NODE, _ATTRIBUTE, _TENSOR, _SPARSE, _MODEL, _FUNCTION, _OPSET, _TRAINING, _PAIR = range(10)
_CHILDREN: dict[int, dict[int, int]] = {
    _MODEL: {7: _GRAPH, 8: _OPSET, 20: _TRAINING, 25: _FUNCTION},
    _GRAPH: {1: _NODE, 5: _TENSOR, 15: _SPARSE},
    _NODE: {5: _ATTRIBUTE},
    _ATTRIBUTE: {5: _TENSOR, 6: _GRAPH, 10: _TENSOR, 11: _GRAPH, 22: _SPARSE, 23: _SPARSE},
    _SPARSE: {1: _TENSOR, 2: _TENSOR},
    _TENSOR: {13: _PAIR},
    _FUNCTION: {7: _NODE, 9: _OPSET, 11: _ATTRIBUTE},
    _TRAINING: {1: _GRAPH, 2: _GRAPH},
    _OPSET: {},
    _PAIR: {},
}
_OPSET_DOMAIN, _OPSET_VERSION, _NODE_DOMAIN, _PAIR_KEY, _PAIR_VALUE = 1, 2, 7, 1, 2
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MAX_DEPTH = 64
_MAX_NODES = 1 << 22

# The operator sets that ONNX Runtime itself brings; any other would need a library named by the user.
BUILT_IN_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})


class OnnxContents(NamedTuple):
    """What was found: operator sets with their versions, and (location, offset, length) of external data."""

    opsets: dict[str, int]
    external: set[tuple[str, int, int]]


def inspect_onnx(path: Path) -> OnnxContents:
    """Refuse an ONNX file that is damaged, needs foreign operators or has weights outside of its folder."""
    contents = _read(path)
    foreign = sorted(set(contents.opsets) - BUILT_IN_DOMAINS)
    if foreign:
        raise ValueError(
            f"{os.fspath(path)!r} is refused: it needs operators of {foreign[0]!r}, which would have to be loaded from"
            " a library"
        )
    for location, offset, length in sorted(contents.external):
        _check_external(path, location, offset, length)
    return contents


def _read(path: Path) -> OnnxContents:
    contents = OnnxContents({}, set())
    with path.open("rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode) or os.fstat(file.fileno()).st_size == 0:
            raise ValueError(f"{os.fspath(path)!r} is not an ONNX model: it is empty or no plain file")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                has_graph = _walk(data, contents)
            except (IndexError, ValueError, UnicodeDecodeError) as error:
                raise ValueError(
                    f"{os.fspath(path)!r} is not a whole ONNX model, or is damaged ({error})"
                ) from None
    if not has_graph or not contents.opsets:
        raise ValueError(f"{os.fspath(path)!r} is not an ONNX model: it has no graph")
    return contents


def _walk(data: mmap.mmap, contents: OnnxContents) -> bool:
    """Visit every message of interest; return whether there is a graph."""
    pending = [(_MODEL, 0, len(data), 0)]
    has_graph, n_visited = False, 0
    while pending:
        kind, start, end, depth = pending.pop()
        n_visited += 1
        if depth > _MAX_DEPTH or n_visited > _MAX_NODES:
            raise ValueError("nested too deeply, or too many parts")
        children = _CHILDREN[kind]
        if kind == _OPSET:
            _note_opset(data, start, end, contents)
        elif kind == _TENSOR:
            _note_external(data, start, end, contents)
        elif kind == _NODE:
            domain = _texts(data, start, end).get(_NODE_DOMAIN, "")
            contents.opsets.setdefault(domain, 0)
        for number, wire, value, length in _fields(data, start, end):
            if wire == _BYTES and number in children:
                has_graph |= kind == _MODEL and children[number] == _GRAPH
                pending.append((children[number], value, value + length, depth + 1))
    return has_graph


def _fields(data: mmap.mmap, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield (field number, wire type, value or start, length) of one message."""
    at = start
    while at < end:
        tag, at = _varint(data, at, end)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, at = _varint(data, at, end)
            yield number, wire, value, 0
            continue
        if wire == _BYTES:
            length, at = _varint(data, at, end)
        elif wire in (_FIXED64, _FIXED32):
            length = 8 if wire == _FIXED64 else 4
        else:
            raise ValueError(f"unknown wire type {wire} at byte {at}")
        if number == 0 or at + length > end:
            raise ValueError(f"a field at byte {at} ends beyond its message")
        yield number, wire, at, length
        at += length


def _varint(data: mmap.mmap, at: int, end: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= end:
            raise ValueError(f"it ends at byte {at}, in the middle of a number")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError(f"a number at byte {at} is too long")


def _texts(data: mmap.mmap, start: int, end: int) -> dict[int, str]:
    """Return the short fields of bytes of a message as text, by number (the last of each)."""
    return {
        number: data[value : value + length].decode("utf-8", "replace")
        for number, wire, value, length in _fields(data, start, end)
        if wire == _BYTES and length <= 4096
    }


def _note_opset(data: mmap.mmap, start: int, end: int, contents: OnnxContents) -> None:
    domain = _texts(data, start, end).get(_OPSET_DOMAIN, "")
    versions = [v for n, wire, v, _ in _fields(data, start, end) if n == _OPSET_VERSION and wire == _VARINT]
    contents.opsets[domain] = max([*versions, contents.opsets.get(domain, 0)])


def _note_external(data: mmap.mmap, start: int, end: int, contents: OnnxContents) -> None:
    pairs = {}
    for number, wire, value, length in _fields(data, start, end):
        if number == 13 and wire == _BYTES:
            texts = _texts(data, value, value + length)
            pairs[texts.get(_PAIR_KEY, "")] = texts.get(_PAIR_VALUE, "")
    if pairs:
        offset, size = pairs.get("offset", "0") or "0", pairs.get("length", "0") or "0"
        contents.external.add((pairs.get("location", ""), int(offset), int(size)))


def _check_external(path: Path, location: str, offset: int, length: int) -> None:
    def refuse(problem: str) -> ValueError:
        return ValueError(f"{os.fspath(path)!r} is refused: its weights are in {location[:200]!r}, {problem}")

    relative = PurePosixPath(location)
    windows = PureWindowsPath(location)
    climbs = ".." in relative.parts or ".." in windows.parts
    if not location or climbs or relative.is_absolute() or windows.drive or windows.root or "\0" in location:
        raise refuse("which is not a path inside of its folder")
    target, folder = path.parent / relative, path.parent.resolve()
    if not target.is_file():
        raise refuse("which is missing")
    # A hub's cache links its files; the name decides, and a link must not lead out of a folder of our own.
    if target.is_symlink() and not path.is_symlink():
        raise refuse("which is a link")
    if not path.is_symlink() and folder not in target.resolve().parents:
        raise refuse("which a link leads out of its folder")
    if offset < 0 or length < 0 or offset + length > target.stat().st_size:
        raise refuse(f"which has {target.stat().st_size} bytes, fewer than it needs")
