"""The clustering of texts without a model, chosen by evidence from the texts alone."""

from coterie.auto._corpus import METHODS
from coterie.auto.clusterer import TextClusterer
from coterie.auto.evidence import MethodSearch, MethodTrial, choose_method

__all__ = ["METHODS", "MethodSearch", "MethodTrial", "TextClusterer", "choose_method"]
