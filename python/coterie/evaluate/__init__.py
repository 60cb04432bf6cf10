"""How good a clustering is: against true labels, and from the data alone."""

from coterie.evaluate._scores import Scores
from coterie.evaluate.external import evaluate

__all__ = ["Scores", "evaluate"]
