"""Which estimators a model folder may hold, what of each is kept, and when its state is sound."""

from __future__ import annotations

import importlib
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from coterie.persistence._encoders import (
    problem_of_lsa,
    problem_of_onnx,
    problem_of_static,
    problem_of_word_vectors,
)
from coterie.persistence._folder import FolderReader, FolderWriter
from coterie.persistence._sources import describe_source, find_source
from coterie.persistence._topics import problem_of_allocation, problem_of_mixture
from coterie.persistence._values import decode, encode

TERMS = "vocabulary_"  # term -> column; kept as a JSON list of the terms in the order of the columns

# What an attribute must be: a type, (dtype or dtypes with | between, number of dimensions) of an array, or the names
# of the classes of a list of estimators.
Kind = type | tuple[str, int] | list[str]


@dataclass(frozen=True)
class Kept:
    """What is kept of an estimator class besides its parameters."""

    room: str
    attributes: dict[str, Kind] = field(default_factory=dict)
    optional: dict[str, Kind] = field(default_factory=dict)
    check: Callable[[Any], str | None] = lambda estimator: None
    source: str | None = None  # the parameter that names files which the estimator reads


def _problem_of_centers(kmeans: Any) -> str | None:
    centers = kmeans.cluster_centers_
    if centers.shape != (kmeans.n_clusters, kmeans.n_features_in_) or 0 in centers.shape:
        return f"centres of shape {centers.shape} for {kmeans.n_clusters} clusters of {kmeans.n_features_in_} features"
    labels = getattr(kmeans, "labels_", None)
    if labels is not None and len(labels) and not 0 <= labels.min() <= labels.max() < len(centers):
        return "labels_ outside of the clusters"
    names = getattr(kmeans, "feature_names_in_", None)
    if names is not None and len(names) != kmeans.n_features_in_:
        return f"{len(names)} feature names for {kmeans.n_features_in_} features"
    weight = getattr(kmeans, "_cluster_weight", None)
    if weight is not None and (len(weight) != len(centers) or weight.min() < 0):
        return "weights that do not fit the clusters"
    kmeans._check_parameters()
    return None


def _problem_of_terms(vectorizer: Any) -> str | None:
    n_terms = len(vectorizer.vocabulary_)
    frequency = vectorizer.document_frequency_
    if n_terms == 0 or len(frequency) != n_terms:
        return f"{len(frequency)} document frequencies for a vocabulary of {n_terms} terms"
    if frequency.min() < 0 or frequency.max() > vectorizer.n_documents_:
        return f"document frequencies outside of 0 to {vectorizer.n_documents_} documents"
    if getattr(vectorizer, "use_idf", False):
        if "idf_" not in vars(vectorizer) and "_idf" not in vars(vectorizer):
            return "use_idf=True without idf_"
        if len(vectorizer.idf_) != n_terms:
            return f"{len(vectorizer.idf_)} inverse document frequencies for a vocabulary of {n_terms} terms"
    return _problem_of_parameters(vectorizer)


def _problem_of_parameters(vectorizer: Any) -> str | None:
    if vectorizer.input != "content":
        return f"input={vectorizer.input!r} would read files named by the texts"
    vectorizer._validate_params()
    vectorizer._validate_ngram_range()
    vectorizer.build_tokenizer()  # compiles the token pattern
    return None


def _problem_of_idf(transformer: Any) -> str | None:
    transformer._validate_params()
    if transformer.use_idf and len(getattr(transformer, "idf_", ())) != transformer.n_features_in_:
        return f"inverse document frequencies that do not fit {transformer.n_features_in_} features"
    return None


def _problem_of_classifier(classifier: Any) -> str | None:
    n_labels = len(classifier.classes_)
    shapes = (classifier.coef_.shape, classifier.calibration_.shape)
    if shapes != ((n_labels, classifier.n_features_in_), (n_labels, 2)) or n_labels == 0:
        n_features = classifier.n_features_in_
        return f"weights and calibration of shapes {shapes} for {n_labels} labels of {n_features} features"
    if not len(classifier.intercept_) == len(classifier.thresholds_) == n_labels:
        return f"intercepts and thresholds that are not {n_labels} each"
    if len(set(classifier.classes_.tolist())) != n_labels:
        return "a label that occurs twice"
    classifier._check_parameters()
    return None


_KMEANS: dict[str, Kind] = {"cluster_centers_": ("float32", 2), "n_features_in_": int}
_LABELS: dict[str, Kind] = {"labels_": ("int32", 1), "inertia_": float, "n_iter_": int}
_NAMES: dict[str, Kind] = {"feature_names_in_": ("object", 1)}
_VOCABULARY: dict[str, Kind] = {TERMS: dict, "document_frequency_": ("int64", 1), "n_documents_": int}
_VOCABULARY_ORIGIN: dict[str, Kind] = {"fixed_vocabulary_": bool}

KEPT: dict[str, Kept] = {
    "KMeans": Kept(
        "coterie.cluster",
        {**_KMEANS, **_LABELS, "candidates_per_row_": float, "filter_": str},
        _NAMES,
        _problem_of_centers,
    ),
    "MiniBatchKMeans": Kept(
        "coterie.cluster",
        {
            **_KMEANS,
            "n_iter_": int,
            "n_steps_": int,
            "_random": np.random.RandomState,
            "_cluster_weight": ("float64", 1),
            "_n_since_reassignment": int,
        },
        {**_LABELS, **_NAMES},
        _problem_of_centers,
    ),
    "NearestCenters": Kept("coterie.cluster", {**_KMEANS, "n_clusters": int}, _NAMES, _problem_of_centers),
    "CountVectorizer": Kept("coterie.text", _VOCABULARY, _VOCABULARY_ORIGIN, _problem_of_terms),
    "TfidfVectorizer": Kept(
        "coterie.text", _VOCABULARY, {**_VOCABULARY_ORIGIN, "idf_": ("float64", 1)}, _problem_of_terms
    ),
    "TfidfTransformer": Kept(
        "coterie.text", {"n_features_in_": int}, {"idf_": ("float64", 1), **_NAMES}, _problem_of_idf
    ),
    "LsaEncoder": Kept(
        "coterie.encode",
        {
            "components_": ("float32", 2),
            "singular_values_": ("float64", 1),
            "term_sums_": ("float64", 1),
            "n_components_": int,
            "vectorizers_": ["TfidfVectorizer"],
        },
        check=problem_of_lsa,
    ),
    "OnnxEncoder": Kept("coterie.encode", {"dim_": int}, check=problem_of_onnx, source="folder"),
    "StaticEncoder": Kept(
        "coterie.encode",
        {
            "dim_": int,
            "n_words_": int,
            "word_weights_": ("float32", 1),
            "unseen_weight_": float,
            "coverage_": float,
        },
        {"common_direction_": ("float32", 1)},
        problem_of_static,
        source="path",
    ),
    "CooccurrenceEncoder": Kept(
        "coterie.encode",
        {
            "word_vectors_": ("float32", 2),
            "word_weights_": ("float64", 1),
            "singular_values_": ("float64", 1),
            "n_components_": int,
            "vectorizers_": ["TfidfVectorizer"],
        },
        check=problem_of_word_vectors,
    ),
    "LinearClassifier": Kept(
        "coterie.classify",
        {
            "classes_": ("object|int64", 1),
            "multi_label_": bool,
            "coef_": ("float32", 2),
            "intercept_": ("float64", 1),
            "calibration_": ("float64", 2),
            "thresholds_": ("float64", 1),
            "n_features_in_": int,
        },
        check=_problem_of_classifier,
    ),
    "HashingVectorizer": Kept("coterie.text", check=_problem_of_parameters),
    "LatentDirichletAllocation": Kept(
        "coterie.topics",
        {
            "doc_topic_prior_": ("float64", 1),
            "topic_word_prior_": float,
            "log_likelihood_": float,
            "bound_": float,
            "empty_documents_": ("int64", 1),
            "n_iter_": int,
            "n_batch_iter_": int,
            "n_features_in_": int,
            "_term_topics": tuple,
            "_n_samples": int,
            "_seed": int,
        },
        _NAMES,
        problem_of_allocation,
    ),
    "DirichletMixture": Kept(
        "coterie.topics",
        {
            "labels_": ("int32", 1),
            "n_clusters_": int,
            "cluster_sizes_": ("int64", 1),
            "empty_documents_": ("int64", 1),
            "log_likelihood_": float,
            "n_iter_": int,
            "n_active_per_iter_": ("int64", 1),
            "n_moved_per_iter_": ("int64", 1),
            "n_features_in_": int,
            "_token_counts": tuple,
        },
        _NAMES,
        problem_of_mixture,
    ),
}


def is_kept(estimator: Any) -> bool:
    """Say whether a model folder can hold an estimator of this class."""
    name = type(estimator).__name__
    return name in KEPT and type(estimator) is _class_of(name)


def describe(
    estimator: Any, part: str, writer: FolderWriter, *, copy_encoder: bool = False
) -> dict[str, Any]:
    """Return the manifest's entry of a fitted estimator and add its files, whose names begin with ``part``."""
    name = type(estimator).__name__
    kept = KEPT.get(name)
    if kept is None or not is_kept(estimator):
        raise TypeError(f"{part} must be one of {', '.join(KEPT)}; got {type(estimator).__qualname__}")
    check_is_fitted(estimator)
    attributes: dict[str, Any] = {}
    for attribute in (*kept.attributes, *kept.optional):
        if not _has(estimator, attribute):
            if attribute in kept.attributes:
                raise NotFittedError(f"{part} must be fitted before it is saved; it has no {attribute}")
            continue
        value = getattr(estimator, attribute)
        if value is None and attribute in kept.optional:
            continue
        if attribute == TERMS:
            attributes[attribute] = {
                "terms": writer.add_json(f"{part}.{attribute}", sorted(value, key=value.get))
            }
        elif isinstance(kept.attributes.get(attribute), list):
            entries = [describe(inner, f"{part}.{attribute}.{i}", writer) for i, inner in enumerate(value)]
            attributes[attribute] = {"estimators": entries}
        else:
            attributes[attribute] = encode(value, f"{part}.{attribute}", writer)
    parameters = {
        parameter: encode(value, f"{part}.{parameter}", writer)
        for parameter, value in _kept_parameters(estimator).items()
    }
    entry = {"class": name, "parameters": parameters, "attributes": attributes}
    if kept.source is not None:
        entry["source"] = describe_source(estimator, kept.source, part, writer, copy=copy_encoder)
    return entry


def _kept_parameters(estimator: Any) -> dict[str, Any]:
    """All but those that say where a fit ran: a folder from elsewhere must not choose what a later fit writes to."""
    parameters: dict[str, Any] = estimator.get_params(deep=False)
    left_out = ("checkpoint", "resume", "device", KEPT[type(estimator).__name__].source)
    return {name: value for name, value in parameters.items() if name not in left_out}


def restore(entry: Any, part: str, reader: FolderReader, moved_to: Path | None = None) -> Any:
    """Make the estimator that an entry describes; the class is looked up in the list above, nowhere else.

    ``moved_to`` is where the files are that it reads, if not where the entry says.
    """
    name = reader.mapping(entry, part).get("class")
    if not isinstance(name, str) or name not in KEPT:
        raise reader.error(part, f"its class must be one of {', '.join(KEPT)}; got {str(name)[:80]!r}")
    kept = KEPT[name]
    fields = ("class", "parameters", "attributes") + (("source",) if kept.source else ())
    entry = reader.mapping(entry, part, fields)
    source = (
        {} if kept.source is None else {kept.source: find_source(entry["source"], part, reader, moved_to)}
    )
    estimator = _class_of(name)(**source)
    parameters = reader.mapping(entry["parameters"], f"{part}, parameters")
    # One that is not there is younger than the folder, and keeps its default.
    if unknown := set(parameters) - set(_kept_parameters(estimator)):
        raise reader.error(part, f"unknown parameters: {str(sorted(unknown))[:200]}")
    estimator.set_params(**{key: decode(value, f"{part}.{key}", reader) for key, value in parameters.items()})
    known = {**kept.attributes, **kept.optional}
    attributes = reader.mapping(entry["attributes"], f"{part}, attributes")
    missing, foreign = set(kept.attributes) - set(attributes), set(attributes) - set(known)
    if missing or foreign:
        raise reader.error(
            part, f"attributes missing: {sorted(missing)}; unknown: {str(sorted(foreign))[:200]}"
        )
    try:
        for attribute in (key for key in known if key in attributes):
            setattr(estimator, attribute, _attribute(attributes[attribute], part, attribute, known, reader))
        problem = kept.check(estimator)
    except (ValueError, TypeError, OverflowError, OSError, RecursionError, re.error) as error:
        if str(error).startswith("model folder"):
            raise
        problem = str(error)
    if problem:
        raise reader.error(part, problem)
    return estimator


def _attribute(stored: Any, part: str, attribute: str, known: dict[str, Kind], reader: FolderReader) -> Any:
    where = f"{part}.{attribute}"
    if attribute == TERMS:
        return _terms(reader.json(reader.mapping(stored, where, ("terms",))["terms"]), where, reader)
    kind = known[attribute]
    if isinstance(kind, list):
        return _estimators(reader.mapping(stored, where, ("estimators",))["estimators"], where, kind, reader)
    value = decode(stored, where, reader)
    if isinstance(kind, tuple):
        dtype, n_dimensions = kind
        wanted = dtype.split("|")
        if not isinstance(value, np.ndarray) or value.dtype.name not in wanted or value.ndim != n_dimensions:
            found = (
                f"{value.dtype} of shape {value.shape}"
                if isinstance(value, np.ndarray)
                else type(value).__name__
            )
            raise reader.error(where, f"a {dtype} array of {n_dimensions} dimensions is wanted; got {found}")
    elif type(value) is not kind:
        raise reader.error(where, f"{kind.__name__} is wanted; got {type(value).__name__}")
    elif isinstance(value, float) and not math.isfinite(value):
        raise reader.error(where, f"a finite number is wanted; got {value}")
    elif isinstance(value, int) and not 0 <= value < 2**63:
        raise reader.error(where, f"an integer between 0 and 2**63 - 1 is wanted; got {str(value)[:80]}")
    return value


def _estimators(entries: Any, where: str, classes: list[str], reader: FolderReader) -> list[Any]:
    if not isinstance(entries, list):
        raise reader.error(where, "a list of estimators is wanted")
    restored = []
    for i, entry in enumerate(entries):
        name = reader.mapping(entry, f"{where}.{i}").get("class")
        if name not in classes:
            raise reader.error(
                f"{where}.{i}", f"its class must be one of {', '.join(classes)}; got {str(name)[:80]!r}"
            )
        restored.append(restore(entry, f"{where}.{i}", reader))
    return restored


def _terms(terms: Any, where: str, reader: FolderReader) -> dict[str, int]:
    if not isinstance(terms, list) or not all(isinstance(term, str) for term in terms):
        raise reader.error(where, "a list of terms is wanted")
    mapping = {term: column for column, term in enumerate(terms)}
    if len(mapping) != len(terms):
        raise reader.error(where, "a term occurs twice")
    return mapping


def _has(estimator: Any, attribute: str) -> bool:
    try:
        getattr(estimator, attribute)
    except (AttributeError, NotFittedError):
        return False
    return True


def _class_of(name: str) -> Any:
    return getattr(importlib.import_module(KEPT[name].room), name)
