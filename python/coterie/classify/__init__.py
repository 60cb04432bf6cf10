"""Classifiers of texts: an encoder and linear models in one Pipeline, with probabilities that can be trusted."""

from coterie.classify.clusters import classifier_from_clusters
from coterie.classify.labels import check_labels
from coterie.classify.linear import LinearClassifier
from coterie.classify.pipeline import make_classifier
from coterie.classify.report import ClassificationReport, LabelScores, classification_report

__all__ = [
    "ClassificationReport",
    "LabelScores",
    "LinearClassifier",
    "check_labels",
    "classification_report",
    "classifier_from_clusters",
    "make_classifier",
]
