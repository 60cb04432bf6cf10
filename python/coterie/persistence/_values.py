"""Parameters and attributes as JSON: what JSON lacks is an object with one tag. No tag can name code."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from coterie.persistence._folder import FolderReader, FolderWriter

_SPECIAL_FLOATS = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}
_DTYPES = ("bool", "int32", "int64", "float32", "float64")


def encode(value: Any, name: str, writer: FolderWriter) -> Any:
    """Turn ``value`` into JSON, arrays into files; ``name`` (as in ``kmeans.init``) names them and the error."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, list):
        return [encode(item, f"{name}.{i}", writer) for i, item in enumerate(value)]
    if isinstance(value, tuple):
        return {"tuple": encode(list(value), name, writer)}
    if isinstance(value, set | frozenset) and all(isinstance(item, str) for item in value):
        return {"set": sorted(value)}
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {
            "dict": [
                [key, encode(item, f"{name}.{i}", writer)] for i, (key, item) in enumerate(value.items())
            ]
        }
    if isinstance(value, np.random.RandomState):
        state: Any = value.get_state(legacy=True)
        kind, keys, *rest = state
        return {"random_state": [kind, writer.add_array(name, keys), *encode(rest, name, writer)]}
    if isinstance(value, np.ndarray) and value.dtype != object:
        return {"array": writer.add_array(name, value)}
    if isinstance(value, np.ndarray) and all(isinstance(item, str) for item in value.ravel()):
        return {"strings": value.tolist()}
    if isinstance(value, type | np.dtype) and not _is_estimator_class(value):
        return {"dtype": np.dtype(value).name}
    raise TypeError(
        f"{name} is {value!r} of type {type(value).__name__}, which a model folder cannot hold (loading one never "
        "executes code): set it to a plain value, or pickle the estimator for your own use"
    )


def _is_estimator_class(value: Any) -> bool:
    try:
        return np.dtype(value).name not in _DTYPES
    except TypeError:
        return True


def decode(value: Any, name: str, reader: FolderReader) -> Any:
    """Undo :func:`encode`; ``name`` is for messages."""
    if isinstance(value, list):
        return [decode(item, name, reader) for item in value]
    if not isinstance(value, dict):
        return value
    tag, content = next(iter(value.items())) if len(value) == 1 else (None, None)
    if tag not in _DECODERS:
        raise reader.error(name, f"one of the tags {', '.join(_DECODERS)} is wanted; got {str(value)[:80]}")
    return _DECODERS[tag](content, name, reader)


def _float(content: Any, name: str, reader: FolderReader) -> float:
    if not isinstance(content, str) or content not in _SPECIAL_FLOATS:
        raise reader.error(name, f"a float is one of {', '.join(_SPECIAL_FLOATS)}")
    return _SPECIAL_FLOATS[content]


def _list(content: Any, name: str, reader: FolderReader) -> list[Any]:
    if not isinstance(content, list):
        raise reader.error(name, "a list is wanted")
    return [decode(item, name, reader) for item in content]


def _strings(content: Any, name: str, reader: FolderReader) -> list[str]:
    items = _list(content, name, reader)
    if not all(isinstance(item, str) for item in items):
        raise reader.error(name, "a list of strings is wanted")
    return items


def _dict(content: Any, name: str, reader: FolderReader) -> dict[str, Any]:
    items = _list(content, name, reader)
    if not all(isinstance(item, list) and len(item) == 2 and isinstance(item[0], str) for item in items):
        raise reader.error(name, "a list of [key, value] is wanted")
    return dict(items)


def _dtype(content: Any, name: str, reader: FolderReader) -> Any:
    if not isinstance(content, str) or content not in _DTYPES:
        raise reader.error(name, f"a dtype is one of {', '.join(_DTYPES)}")
    return np.dtype(content).type


def _random_state(content: Any, name: str, reader: FolderReader) -> np.random.RandomState:
    if not isinstance(content, list) or len(content) != 5 or content[0] != "MT19937":
        raise reader.error(name, "the five parts of a Mersenne Twister's state are wanted")
    keys = reader.array(content[1])
    position, has_gauss, cached = content[2:]
    sound = (
        keys.shape == (624,) and keys.dtype == np.uint32 and type(position) is int and 0 <= position <= 624
    )
    if not sound or has_gauss not in (0, 1) or not isinstance(cached, int | float):
        raise reader.error(name, "the state of the random generator is damaged")
    random = np.random.RandomState()
    random.set_state(("MT19937", keys, position, int(has_gauss), float(cached)))
    return random


_DECODERS: dict[Any, Callable[[Any, str, FolderReader], Any]] = {
    "float": _float,
    "tuple": lambda content, name, reader: tuple(_list(content, name, reader)),
    "set": lambda content, name, reader: frozenset(_strings(content, name, reader)),
    "dict": _dict,
    "random_state": _random_state,
    "array": lambda content, name, reader: reader.array(content),
    "strings": lambda content, name, reader: np.array(_strings(content, name, reader), dtype=object),
    "dtype": _dtype,
}
