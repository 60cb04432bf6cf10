"""How good a clustering is: against true labels, and from the data alone."""

from coterie.evaluate._scores import Scores
from coterie.evaluate.external import evaluate
from coterie.evaluate.internal import evaluate_internal

__all__ = ["Scores", "evaluate", "evaluate_internal"]
