"""``python -m bench.compare``: every encoder with every clusterer on every labelled set, into docs/compare.md."""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import machine
from bench.roofline import BUILD, ROOT

RESULTS = ROOT / "bench" / "compare.json"
PAGE = ROOT / "docs" / "compare.md"
MARKS = re.compile(r"(<!-- measured: compare -->\n).*?(<!-- /measured -->)", re.DOTALL)
DATA = ROOT.parent / "shared" / "data"
SEEDS = (0, 1, 2)
CLUSTERERS = ("kmeans", "bisecting", "ward", "average", "spectral", "hdbscan")
ENGLISH = ("tfidf", "lsa", "cooccurrence", "MiniLM")
CHINESE = ("tfidf", "lsa", "cooccurrence", "word2vec", "word2vec SIF")
SCORES = ("nmi", "ari", "matched_f1", "purity", "silhouette_sampled")


@dataclass(frozen=True)
class Set:
    """A labelled set: its training part, how many documents are drawn from it, and what they are."""

    title: str
    n_documents: int
    about: str
    language: str = "en"


SETS = {
    "banking77": Set("Banking77", 5000, "bank customers' questions, 12 words"),
    "clinc150": Set("CLINC150", 4000, "requests to an assistant, 8 words"),
    "ag_news": Set("AG News", 4000, "news, 37 words"),
    "arxiv_titles": Set("arXiv titles", 4000, "titles of papers, 9 words; the class is the primary category"),
    "arxiv_abstracts": Set(
        "arXiv abstracts", 2000, "titles and abstracts, 168 words; the class is the primary category"
    ),
    "20newsgroups": Set("20 Newsgroups", 1500, "posts, 268 words; MiniLM reads the first 256 tokens"),
    "thucnews_titles": Set(
        "THUCNews titles",
        5000,
        "Chinese headlines, 19 characters; MiniLM is an English model and left out; word2vec is trained without"
        " labels on the 308,039 titles of another set",
        "zh",
    ),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.compare", description=__doc__)
    parser.add_argument("--sets", default=",".join(SETS), help="the others keep what was measured before")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("COTERIE_DATA") or DATA))
    options = parser.parse_args()
    measured = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    for name in filter(None, options.sets.split(",")):
        measured[name] = _measure(name, options)
        _publish({key: measured[key] for key in SETS if key in measured})
    return 0


def _publish(measured: dict[str, Any]) -> None:
    RESULTS.write_text(json.dumps(measured, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    tables = page(measured) + "\n"
    text, replaced = MARKS.subn(lambda m: m[1] + tables + m[2], PAGE.read_text(encoding="utf-8"))
    if replaced != 1:
        raise ValueError(f"{PAGE} must have the marks of the measured tables once; found {replaced}")
    PAGE.write_text(text, encoding="utf-8")


def _measure(name: str, options: argparse.Namespace) -> dict[str, Any]:
    from coterie.compare import compare, sample_rows

    texts, labels = _documents(options.data / name / "train.jsonl.gz")
    rows = sample_rows(len(texts), SETS[name].n_documents)
    language = SETS[name].language
    names = CHINESE if language == "zh" else ENGLISH
    found = compare(
        [texts[row] for row in rows],
        labels=[labels[row] for row in rows],
        encoders=[_encoder(encoder, options.data) for encoder in names],
        clusterers=CLUSTERERS,
        language=language,
        seeds=SEEDS,
        n_threads=options.threads,
        progress=lambda what, share: print(f"{name}: {share:4.0%} {what}", file=sys.stderr, flush=True),
    )
    runs = [
        {
            "encoder": names[i // len(CLUSTERERS)],
            "clusterer": run.clusterer,
            "n_clusters": run.n_clusters,
            "scores": {score: run.scores[score] for score in SCORES if score in run.scores},
            "cpu_seconds": run.cpu_seconds,
            "peak_memory": max(run.peak_memory.values(), default=0),
            "error": run.error,
        }
        for i, run in enumerate(found.runs)
    ]
    where = {key: machine.describe()[key] for key in ("date", "cpu", "cores")}
    return {"n_documents": found.n_documents, "n_classes": found.n_classes, "machine": where, "runs": runs}


def _documents(path: Path) -> tuple[list[str], list[str]]:
    """Read texts and labels; of several labels the first, which is the main one."""
    texts, labels = [], []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            texts.append(row["text"])
            labels.append(row["label"] if "label" in row else row["labels"][0])
    return texts, labels


def _encoder(name: str, data: Path) -> Any:
    """Return a name that coterie knows, or an encoder; models are made once, below build/bench."""
    if name == "MiniLM":
        from bench.peers.encode import inputs

        return f"onnx:{inputs.exported('float32')}"
    if name.startswith("word2vec"):
        from coterie.encode import StaticEncoder

        weighting = "sif" if name.endswith("SIF") else "mean"
        return StaticEncoder(_word_vectors(data), language="zh", weighting=weighting)
    return name


def _word_vectors(data: Path) -> Path:
    """Return vectors of Chinese words, by skip-gram on titles without labels: what a user would do with gensim."""
    path = BUILD / "weibo.vec"
    if not path.is_file():
        from gensim.models import Word2Vec

        from coterie.text import TfidfVectorizer

        with gzip.open(data / "weibo_hot_titles" / "train.jsonl.gz", "rt", encoding="utf-8") as lines:
            titles = [json.loads(line)["text"] for line in lines]
        tokenize = TfidfVectorizer(language="zh", stop_words=None).build_analyzer()
        sentences = [tokenize(title) for title in titles]
        model = Word2Vec(sentences, vector_size=128, window=5, min_count=3, sg=1, epochs=5, workers=1, seed=0)
        path.parent.mkdir(parents=True, exist_ok=True)
        model.wv.save_word2vec_format(str(path))
    return path


def page(measured: dict[str, Any]) -> str:
    """Render a table for each set, the highest NMI first."""
    lines = []
    for name, found in measured.items():
        about = SETS[name]
        lines += [
            f"### {about.title}\n",
            f"{found['n_documents']:,} documents drawn from the training part, {found['n_classes']} classes:"
            f" {about.about}. {found['machine']['date']}.\n",
            "| encoder | clusterer | k | NMI (= V) | ARI | F1 | purity | silhouette | encode CPU s | cluster CPU s"
            " | peak MiB |",
            "|---|---|" + "---:|" * 9,
        ]
        runs = sorted(found["runs"], key=lambda run: -_mean(run["scores"].get("nmi")))
        lines += [_line(run) for run in runs] + [""]
    return "\n".join(lines)


def _line(run: dict[str, Any]) -> str:
    names = f"| {run['encoder']} | {run['clusterer']} |"
    if run["error"]:
        return f"{names} {run['error']} | | | | | | | | |"
    cells = [
        f"{_mean(run['n_clusters']):.0f}",
        *(_mean_and_spread(run["scores"].get(score)) for score in SCORES),
        *(_seconds(run["cpu_seconds"].get(stage)) for stage in ("encode", "cluster")),
        f"{run['peak_memory'] / 2**20:,.0f}",
    ]
    return f"{names} {' | '.join(cells)} |"


def _seconds(values: list[float] | None) -> str:
    return f"{_mean(values):.2f}" if values else "–"  # of a run that did not count them


def _mean(values: list[float] | None) -> float:
    return sum(values) / len(values) if values else 0.0


def _mean_and_spread(values: list[float] | None) -> str:
    if not values:
        return "–"
    half_range = (max(values) - min(values)) / 2
    return f"{_mean(values):.3f}" + (f" ± {half_range:.3f}" if half_range >= 0.0005 else "")


if __name__ == "__main__":
    sys.exit(main())
