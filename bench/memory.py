"""``python -m bench.memory``: what TF-IDF takes for each million documents, beyond the documents themselves.

The largest resident size of a process during one fit, less its size before, at several numbers of documents; what
grows from the fewest to the most, per million documents, and the size of the matrix that is returned. One line for
each library and each way to fit. Resident sizes do not depend on what else the machine does.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.peers import inputs

BATCH = 8192


def kilobytes(name: str) -> int:
    """Return VmRSS or VmHWM (its largest value so far) of this process."""
    found = re.search(rf"^{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])


def batches(texts: list[str]) -> Iterator[list[str]]:
    yield from (texts[at : at + BATCH] for at in range(0, len(texts), BATCH))


def coterie(texts: list[str], **options: Any) -> Any:
    from coterie import TfidfVectorizer

    return TfidfVectorizer(**options).fit_transform(texts)


def in_batches(texts: list[str], **options: Any) -> Any:
    """Fit batch by batch and transform batch by batch, as corpora larger than memory are; no matrix is kept."""
    from coterie import TfidfVectorizer

    vectorizer = TfidfVectorizer(**options)
    for batch in batches(texts):
        vectorizer.partial_fit(batch)
    for batch in batches(texts):
        matrix = vectorizer.transform(batch)
    return matrix


def scikit_learn(texts: list[str], **options: Any) -> Any:
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(dtype=np.float32, **options).fit_transform(texts)


WAYS: dict[str, Callable[..., Any]] = {
    "coterie": coterie,
    "coterie, in batches": in_batches,
    "scikit-learn": scikit_learn,
}


def measure(way: str, corpus: str, n_documents: int, options: dict[str, Any]) -> None:
    """Print the megabytes of one fit and of its matrix; in a process of its own."""
    texts = inputs.texts(corpus, n_documents)
    WAYS[way](texts[:1000], **options)
    Path("/proc/self/clear_refs").write_text("5")  # VmHWM begins anew
    before = kilobytes("VmRSS")
    matrix = WAYS[way](texts, **options)
    taken = (kilobytes("VmHWM") - before) / 1024
    held = sum(part.nbytes for part in (matrix.data, matrix.indices, matrix.indptr)) / 2**20
    print(json.dumps({"n": len(texts), "taken": taken, "matrix": held}))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("--corpus", default="arxiv_titles", choices=sorted(inputs.CORPORA))
    parser.add_argument("-n", type=int, nargs=2, default=(50_000, 250_000), metavar=("FEWEST", "MOST"))
    parser.add_argument("--options", type=json.loads, default={}, help="such as '{\"ngram_range\": [1, 2]}'")
    parser.add_argument("--one", nargs=2, metavar=("WAY", "N"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    options = {name: tuple(v) if isinstance(v, list) else v for name, v in given.options.items()}
    if given.one is not None:
        measure(given.one[0], given.corpus, int(given.one[1]), options)
        return
    for way in WAYS:
        command = [
            sys.executable,
            "-m",
            "bench.memory",
            "--corpus",
            given.corpus,
            "--options",
            json.dumps(given.options),
        ]
        found = [
            json.loads(
                subprocess.run([*command, "--one", way, str(n)], check=True, capture_output=True).stdout
            )
            for n in given.n
        ]
        few, many = found
        slope = (many["taken"] - few["taken"]) / (many["n"] - few["n"]) * 1e6
        print(
            f"{way:20s} {many['n']:,} documents: {many['taken']:6.0f} MB, of which the matrix {many['matrix']:.0f}; "
            f"{slope:6.0f} MB for each further million",
            flush=True,
        )


if __name__ == "__main__":
    main()
