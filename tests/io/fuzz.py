"""A seeded mutation fuzzer for the loaders: ``python tests/io/fuzz.py readers|models SEED N_ROUNDS``.

Every round damages a good file and loads it. Loading must succeed or raise ValueError or OSError; whatever else
happens (another exception, a crash, more memory than the limit) ends the process with a status that is not 0.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import resource
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

from coterie import KMeans, TfidfVectorizer
from coterie.io import read_corpus
from coterie.journey import ClusterModel, ClusterSummary
from coterie.persistence import load_model, save_model

MEMORY_BYTES = 6 << 30
TEXTS = ["Rates rise", "", '面条, "soup"\nand noodles', None, "the central bank", "x" * 300] * 5
TABLE = pa.table(
    {
        "text": pa.array(TEXTS),
        "label": pa.array([str(i % 3) for i in range(30)]).dictionary_encode(),
        "tags": pa.array([["a", "b"], [], None] * 10),
        "deep": pa.array([{"n": i, "s": "v"} for i in range(30)]),
        "at": pa.array(range(30), pa.timestamp("s")),
    }
)
TOKENS = [
    b"{",
    b"}",
    b"[",
    b"]",
    b'"',
    b"\\",
    b"\\ud800",
    b",",
    b"\t",
    b"\n",
    b"\r",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
]
TOKENS += [b"NaN", b"1e999", b"-1", b"null", b"9" * 30, b"PAR1", b"ARROW1", b"\x1f\x8b", b"\xff\xff\xff\x7f"]


def written(write: Callable[[Any], Any]) -> bytes:
    sink = io.BytesIO()
    write(sink)
    return sink.getvalue()


def as_stream(sink: Any, table: pa.Table = TABLE, **options: Any) -> None:
    with ipc.new_stream(sink, table.schema, options=ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, max_chunksize=7)


def good_files() -> dict[str, bytes]:
    rows = [{"text": text, "label": i, "deep": {"k": [i]}} for i, text in enumerate(TEXTS)]
    lines = "".join(json.dumps(row, ensure_ascii=i % 2 == 0) + "\n" for i, row in enumerate(rows)).encode()
    table = b'text,label\r\n"a ""b""\r\nc",1\r\nplain,2\r\n,\r\n'
    return {
        "a.jsonl": lines,
        "b.jsonl.gz": gzip.compress(lines, mtime=0),
        "c.jsonl.zst": pa.compress(lines, "zstd", asbytes=True),
        "a.csv": table * 3,
        "a.tsv": table.replace(b",", b"\t"),
        "a.txt": b"one\r\n\xe9\x9d\xa2\n\nlast",
        "unnamed": lines,
        "a.parquet": written(lambda sink: pq.write_table(TABLE, sink)),
        "b.parquet": written(
            lambda sink: pq.write_table(
                TABLE,
                sink,
                use_dictionary=False,
                compression="zstd",
                data_page_version="2.0",
                row_group_size=11,
            )
        ),
        "c.parquet": written(
            lambda sink: pq.write_table(
                TABLE.select(["text"]), sink, use_dictionary=False, column_encoding="DELTA_BYTE_ARRAY"
            )
        ),
        "a.arrow": written(as_stream),
        "b.arrow": written(lambda sink: as_stream(sink, compression="zstd")),
        "a.feather": written(lambda sink: feather.write_feather(TABLE, sink, compression="lz4")),
    }


def mutated(data: bytes, random: Random) -> bytes:
    """Damage a copy in one to four places: bits, bytes, integers, tokens, cuts, repeats and moves."""
    result = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 4))):
        at, end = sorted(random.randrange(len(result) + 1) for _ in range(2))
        kind = random.randrange(8)
        if kind == 0 and at < len(result):
            result[at] ^= 1 << random.randrange(8)
        elif kind == 1 and at < len(result):
            result[at] = random.randrange(256)
        elif kind == 2:
            number = random.choice((0, 1, -1, 127, 2**31 - 1, -(2**31), random.randrange(2**31)))
            result[at : at + 4] = number.to_bytes(4, "little", signed=True)
        elif kind == 3:
            result[at:at] = random.choice(TOKENS) * random.choice((1, 1, 3, 300))
        elif kind == 4:
            del result[at : min(end, at + random.choice((1, 4, 1000)))]
        elif kind == 5:
            result[at:at] = result[at : min(end, at + 200)]
        elif kind == 6:
            del result[at:]
        else:
            result[at : at + 8] = bytes(8)
    return bytes(result)


def fuzz_readers(folder: Path, random: Random, n_rounds: int) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    for name, data in good_files().items():
        path = folder / name
        for _ in range(n_rounds):
            path.write_bytes(mutated(data, random))
            options: dict[str, Any] = {
                "encoding_errors": random.choice(("strict", "replace")),
                "label_field": random.choice((None, "label")),
                "batch_size": random.choice((1, 7, 8192)),
                "max_document_bytes": random.choice((400, 1 << 20)),
            }
            try:
                corpus = read_corpus(path, **options)
            except (ValueError, OSError) as error:
                if name not in str(error):
                    raise AssertionError(f"{error!r} does not name {name}") from error
                outcomes[f"{name} refused"] += 1
                continue
            corpus.texts.validate(full=True)
            corpus.columns.validate(full=True)
            n_documents = {len(corpus.texts), len(corpus.ids), corpus.columns.num_rows}
            if corpus.texts.null_count or len(n_documents) != 1:
                raise AssertionError(f"{name}: {corpus}")
            as_stream(io.BytesIO(), corpus.columns)
            outcomes[f"{name} read"] += 1
    return outcomes


def good_model() -> ClusterModel:
    texts = [text or "" for text in TEXTS]
    vectorizer = TfidfVectorizer(ngram_range=(1, 2)).fit(texts)
    kmeans = KMeans(2, metric="cosine", random_state=0).fit(vectorizer.transform(texts))
    return ClusterModel(vectorizer, kmeans, [ClusterSummary(i, 3, [("rates", 0.5)], [0]) for i in range(2)])


def fuzz_models(folder: Path, random: Random, n_rounds: int) -> Counter[str]:
    """Damage one file of a model; half of the time the manifest is made to agree with the damaged file."""
    outcomes: Counter[str] = Counter()
    save_model(good_model(), folder / "model")
    good = {path.name: path.read_bytes() for path in (folder / "model").iterdir()}
    names = [name for name in good if not name.startswith(".")]
    texts = ["rates rise", "", "noodles \0"]
    for i in range(n_rounds * len(names)):
        name = names[i % len(names)]
        data = mutated(good[name], random)
        manifest = json.loads(good["manifest.json"])
        if name != "manifest.json" and random.random() < 0.9:
            manifest["files"][name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for other in names:
            (folder / "model" / other).write_bytes(good[other])
        (folder / "model" / "manifest.json").write_text(json.dumps(manifest))
        (folder / "model" / name).write_bytes(data)
        try:
            model = load_model(folder / "model")
        except (ValueError, OSError) as error:
            if "model folder" not in str(error):
                raise AssertionError(f"{error!r} does not name the folder") from error
            outcomes[f"{name} refused"] += 1
            continue
        outcomes[f"{name} loaded"] += 1
        labels = model.predict(texts).labels
        if labels.shape != (3,) or not np.isin(labels, (0, 1)).all():
            raise AssertionError(f"{name}: labels {labels}")
    return outcomes


def main(what: str, seed: str, n_rounds: str) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    fuzz = {"readers": fuzz_readers, "models": fuzz_models}[what]
    with tempfile.TemporaryDirectory() as name:
        outcomes = fuzz(Path(name), Random(int(seed)), int(n_rounds))
    print(json.dumps(outcomes, indent=1, sort_keys=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
