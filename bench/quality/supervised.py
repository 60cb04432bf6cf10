"""``python -m bench.quality.supervised``: what a classifier that is told the classes reads from the same documents.

A fifth of the documents is predicted by a linear support vector machine that learnt from the rest, in turn: a mark for
methods that are told no class, on the same scored documents, from the same weights of terms and in the same NMI.
"""

from __future__ import annotations

import argparse
import sys

from sklearn.model_selection import KFold, cross_val_predict
from sklearn.svm import LinearSVC

from bench.quality import sets
from coterie.encode import LsaEncoder
from coterie.evaluate import evaluate

_N_FOLDS = 5


def score(documents: sets.Documents) -> dict[str, float]:
    """Return NMI and accuracy of predictions for documents that were left out."""
    encoder = LsaEncoder(n_components=1, n_iter=1, language=documents.language).fit(documents.scored)
    weights = encoder.term_weights(documents.scored)
    folds = KFold(_N_FOLDS, shuffle=True, random_state=0)
    predicted = cross_val_predict(LinearSVC(random_state=0), weights, documents.classes, cv=folds)
    scores = evaluate(documents.classes, predicted)
    return {name: float(scores[name]) for name in ("nmi", "accuracy")}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.quality.supervised", description=__doc__)
    parser.add_argument("--limit", type=int, help="documents of each set, at most (default: all)")
    limit = parser.parse_args().limit
    print("| set | NMI | accuracy |\n|---|---:|---:|")
    for labelled in sets.SETS:
        found = score(sets.load(labelled, limit))
        print(f"| {labelled.name} | {found['nmi']:.3f} | {found['accuracy']:.3f} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
