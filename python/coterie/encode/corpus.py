"""Texts of files to shards of embeddings on disk, with nothing encoded twice after a kill."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from coterie._validation import check_integer, require_extra
from coterie._version import __version__
from coterie.encode._card import MANIFEST, files_of, read_card, read_json, sha256
from coterie.encode.onnx_encoder import OnnxEncoder
from coterie.io import TextBatch, atomic_write, read_texts

__all__ = ["EncodedCorpus", "encode_corpus"]

PathArgument = str | os.PathLike[str]
Progress = Callable[[int, int, int], None]

_STATE = "encoding.json"
_FORMAT = "coterie embeddings"
_FITTED = ("StaticEncoder", "LsaEncoder", "CooccurrenceEncoder")
_METADATA = b"coterie"
ENCODER_FOLDER = "encoder"  # of what was fitted to the corpus, by the command line


@dataclass(frozen=True)
class EncodedCorpus:
    """What :func:`encode_corpus` left in its folder.

    Attributes
    ----------
    folder : pathlib.Path
        With ``encoding.json`` and the shards ``shard-00000.parquet``, ...
    n_documents, n_encoded : int
        Documents in the folder, and those that this call encoded; the others had been encoded before.
    n_tokens, n_truncated : int
        Tokens that were encoded by this call, and texts that were cut to ``max_length``; 0 without a transformer.
    dim : int
        Length of an embedding.
    seconds : float
        Wall-clock time of the call.
    """

    folder: Path
    n_documents: int
    n_encoded: int
    n_tokens: int
    n_truncated: int
    dim: int
    seconds: float


def encode_corpus(
    paths: PathArgument | Sequence[PathArgument],
    encoder: Any,
    folder: PathArgument,
    *,
    shard_size: int = 16384,
    overwrite: bool = False,
    progress: Progress | None = None,
    **options: Any,
) -> EncodedCorpus:
    """Encode the documents of some files into Parquet shards, in bounded memory.

    Each shard appears completely or not at all and knows the hash of its documents. Calling again with the same
    arguments, after a kill or with files that have grown, encodes only the shards that are missing or whose documents
    have changed. ``KMeans.fit(coterie.cluster.RowFiles(folder, column="embedding"))`` clusters the folder.

    Parameters
    ----------
    paths, **options
        The files and how they are read, as for :func:`coterie.io.read_texts`.
    encoder : OnnxEncoder, StaticEncoder, LsaEncoder or CooccurrenceEncoder
        What encodes; all but the first fitted before.
    folder : path
        Where ``encoding.json`` and the shards go: columns ``id`` and ``embedding``.
    shard_size : int, default=16384
        Documents per shard; the last one has fewer.
    overwrite : bool, default=False
        Whether shards of another encoder or other parameters may be replaced.
    progress : callable of (int, int, int), optional
        Called now and then with the documents done so far, those of them encoded by this call, and their tokens.

    Returns
    -------
    EncodedCorpus

    Raises
    ------
    FileExistsError
        If the folder holds other files, or shards of another encoder, or another run is writing to it.
    ValueError, OSError
        As :func:`coterie.io.read_texts` and :meth:`OnnxEncoder.fit`; if there are no documents.
    TypeError, NotFittedError
        For another encoder, and one that is not fitted.

    Examples
    --------
    >>> from coterie.encode import OnnxEncoder, encode_corpus
    >>> encode_corpus("no-such-file.txt", OnnxEncoder("no-such-encoder"), "embeddings")
    Traceback (most recent call last):
    FileNotFoundError: ...
    """
    started = time.perf_counter()
    check_integer("shard_size", shard_size, minimum=1)
    _check_encoder(encoder)
    with closing(read_texts(paths, **options)) as batches:
        shards = _shards(batches, shard_size)
        first = next(shards, None)
        if first is None:
            names = [paths] if isinstance(paths, str | os.PathLike) else paths
            raise ValueError(f"no documents in {', '.join(os.fspath(name) for name in names)}")
        identity = _identity(encoder, shard_size)
        with _writing(Path(folder), identity, overwrite=overwrite):
            run = _Run(Path(folder), encoder, progress)
            n_shards = 0
            for n_shards, part in enumerate(chain([first], shards), start=1):
                run.add(n_shards - 1, part)
            for path in sorted(Path(folder).glob("shard-*.parquet"))[n_shards:]:
                path.unlink()  # of an input that was longer
            done = {"complete": True, "n_documents": run.n_documents, "n_shards": n_shards}
            _write_state(Path(folder), identity | done)
    seconds = time.perf_counter() - started
    return EncodedCorpus(
        Path(folder), run.n_documents, run.n_encoded, run.n_tokens, run.n_truncated, identity["dim"], seconds
    )


def _check_encoder(encoder: Any) -> None:
    names = ("OnnxEncoder", *_FITTED)
    if type(encoder).__name__ not in names or not hasattr(encoder, "transform"):
        raise TypeError(f"encoder must be one of {', '.join(names)}; got {type(encoder).__name__}")
    if isinstance(encoder, OnnxEncoder):
        encoder.fit()
    else:
        check_is_fitted(encoder)


class _Run:
    """Counts, and writes the shards that are not there yet."""

    def __init__(self, folder: Path, encoder: Any, progress: Progress | None) -> None:
        self.folder = folder
        self.encoder = encoder
        self.n_documents = self.n_encoded = self.n_tokens = self.n_truncated = 0
        self._progress = progress

    def add(self, number: int, part: TextBatch) -> None:
        path = self.folder / f"shard-{number:05d}.parquet"
        content = _content(part)
        if _content_of(path) != content:
            self._encode(path, part, content)
        self.n_documents += len(part)
        self._tell(0, 0)

    def _encode(self, path: Path, part: TextBatch, content: str) -> None:
        pa = require_extra("pyarrow", "cli")
        n_tokens = n_truncated = 0
        if isinstance(self.encoder, OnnxEncoder):
            rows = self.encoder.encode(part.texts, progress=self._tell)
            n_tokens, n_truncated = self.encoder.statistics_.n_tokens, self.encoder.statistics_.n_truncated
        else:
            rows = self.encoder.transform(part.texts.to_pylist())
        flat = pa.array(np.ascontiguousarray(rows).reshape(-1))
        embeddings = pa.FixedSizeListArray.from_arrays(flat, rows.shape[1])
        table = pa.table({"id": part.ids, "embedding": embeddings})
        note = {"content": content, "n_tokens": n_tokens, "n_truncated": n_truncated}
        table = table.replace_schema_metadata({_METADATA: json.dumps(note)})
        with atomic_write(path, overwrite=True) as staged:
            require_extra("pyarrow.parquet", "cli").write_table(
                table, staged, compression="none", use_dictionary=False, row_group_size=len(table)
            )
        self.n_encoded += len(part)
        self.n_tokens += n_tokens
        self.n_truncated += n_truncated

    def _tell(self, n_texts: int, n_tokens: int) -> None:
        if self._progress is not None:
            self._progress(self.n_documents + n_texts, self.n_encoded + n_texts, self.n_tokens + n_tokens)


def _shards(batches: Iterator[TextBatch], shard_size: int) -> Iterator[TextBatch]:
    """Cut the batches of a reader into shards that depend on the documents alone."""
    pa = require_extra("pyarrow", "cli")
    texts: list[Any] = []
    ids: list[Any] = []
    n_held = 0

    def joined(parts: list[Any]) -> Any:
        return pa.concat_arrays(parts) if len({part.type for part in parts}) == 1 else _as_text(parts)

    for batch in batches:
        start = 0
        while start < len(batch):
            n = min(shard_size - n_held, len(batch) - start)
            texts.append(batch.texts.slice(start, n))
            ids.append(batch.ids.slice(start, n))
            start, n_held = start + n, n_held + n
            if n_held == shard_size:
                yield TextBatch(joined(texts), joined(ids), None, pa.table({}), 0)
                texts, ids, n_held = [], [], 0
    if n_held:
        yield TextBatch(joined(texts), joined(ids), None, pa.table({}), 0)


def _as_text(parts: list[Any]) -> Any:
    pa = require_extra("pyarrow", "cli")
    return pa.concat_arrays([part.cast(pa.large_string()) for part in parts])


def _content(part: TextBatch) -> str:
    """Return a hash of the texts and ids of a shard, with their boundaries."""
    digest = hashlib.sha256()
    for values in (part.texts, part.ids):
        digest.update(str(values.type).encode())
        for value in values.to_pylist():
            data = str(value).encode("utf-8", "surrogatepass")
            digest.update(len(data).to_bytes(8, "little"))
            digest.update(data)
    return digest.hexdigest()


def _content_of(path: Path) -> str | None:
    """Return the hash that a shard was written with; None where there is no whole shard."""
    if not path.is_file():
        return None
    pa = require_extra("pyarrow", "cli")
    try:
        metadata = require_extra("pyarrow.parquet", "cli").read_schema(path).metadata or {}
        content = json.loads(metadata.get(_METADATA, b"{}")).get("content")
    except (pa.ArrowException, OSError, ValueError, AttributeError):
        return None
    return content if isinstance(content, str) else None


def _identity(encoder: Any, shard_size: int) -> dict[str, Any]:
    """Return what two runs must have in common for their shards to belong together."""
    described = _transformer(encoder) if isinstance(encoder, OnnxEncoder) else _fitted(encoder)
    return {
        "format": _FORMAT,
        "coterie_version": __version__,
        "encoder": described,
        "dim": len(encoder.get_feature_names_out()),
        "shard_size": shard_size,
    }


def _transformer(encoder: OnnxEncoder) -> dict[str, Any]:
    card = read_card(encoder.folder)
    manifest = read_json(card.folder / MANIFEST) if card.is_exported else {}
    files = manifest.get("files") or {name: sha256(card.folder / name) for name in files_of(card)}
    parameters = encoder.get_params(deep=False)
    kept = ("max_length", "pooling", "prompt_name", "normalize", "dtype")
    return {
        "files": files,
        "source": manifest.get("source"),
        "engine": {name: encoder.engine_[name] for name in ("provider", "precision")},
        **{name: parameters[name] for name in kept},
    }


def _fitted(encoder: Any) -> dict[str, Any]:
    """Describe what was fitted by the hash of everything that a model folder would hold of it."""
    from coterie.persistence import fingerprint

    return {"class": type(encoder).__name__, "fingerprint": fingerprint(encoder)}


@contextmanager
def _writing(folder: Path, identity: dict[str, Any], *, overwrite: bool) -> Iterator[None]:
    """Lock the folder, check what is in it, and clear what a killed run was writing."""
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"output folder {os.fspath(folder)!r} is a file; a folder is wanted")
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FileExistsError(f"another run is writing to {os.fspath(folder)!r}") from None
        for staging in folder.glob(".coterie-staging-*"):
            shutil.rmtree(staging, ignore_errors=True)
        _check_folder(folder, identity, overwrite=overwrite)
        _write_state(folder, identity | {"complete": False})
        yield
    finally:
        os.close(descriptor)


def _check_folder(folder: Path, identity: dict[str, Any], *, overwrite: bool) -> None:
    names = sorted(path.name for path in folder.iterdir())
    known = (_STATE, ENCODER_FOLDER)
    foreign = [name for name in names if name not in known and not name.startswith("shard-")]
    if foreign or (names and _STATE not in names):
        raise FileExistsError(
            f"{os.fspath(folder)!r} holds {(foreign or names)[0]!r}, which is not of an encoding; name a new or empty"
            " folder"
        )
    if not names:
        return
    state = read_json(folder / _STATE)
    theirs = state if isinstance(state, dict) else {}
    asked = {name: identity[name] for name in ("encoder", "dim", "shard_size")}
    if {name: theirs.get(name) for name in asked} == json.loads(json.dumps(asked)):
        return
    if not overwrite:
        raise FileExistsError(
            f"{os.fspath(folder)!r} holds embeddings of another encoder or of other parameters; overwrite=True"
            " (--overwrite) replaces them"
        )
    for name in names:
        if name != ENCODER_FOLDER:
            (folder / name).unlink()


def _write_state(folder: Path, state: dict[str, Any]) -> None:
    with atomic_write(folder / _STATE, overwrite=True) as staged:
        staged.write_text(json.dumps(state, indent=1, default=os.fspath) + "\n", encoding="utf-8")
