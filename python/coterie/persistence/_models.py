"""Saving and loading fitted estimators and cluster models."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from coterie.persistence._estimators import describe, is_kept, restore
from coterie.persistence._folder import FolderReader, FolderWriter

if TYPE_CHECKING:
    from coterie.journey import ClusterModel, ClusterSummary

PathArgument = str | os.PathLike[str]

_MODEL = "ClusterModel"
_ESTIMATOR = "estimator"
_READ_BY = {"Pipeline": "it is a classifier, which coterie classify predict reads"}
_PIPELINES = {"Pipeline": ("encoder", "classifier"), "TopicModel": ("vectorizer", "topics")}  # kind: steps


def save(
    estimator: Any, folder: PathArgument, *, overwrite: bool = False, copy_encoder: bool = False
) -> None:
    """Write a fitted estimator to a model folder.

    Parameters
    ----------
    estimator : KMeans, MiniBatchKMeans, CountVectorizer, TfidfVectorizer, TfidfTransformer, HashingVectorizer, \
LsaEncoder, CooccurrenceEncoder, OnnxEncoder, StaticEncoder, LinearClassifier, LatentDirichletAllocation, \
DirichletMixture, or the Pipeline of coterie.classify.make_classifier or coterie.topics.find_topics
        Fitted, with parameters that are plain values, strings, arrays or a RandomState (no callables).
    folder : path
        Made with its parents; it appears completely or not at all. It holds ``manifest.json`` (schema version,
        parameters, the SHA-256 of every other file), arrays as ``.npy`` and the vocabulary as JSON.
    overwrite : bool, default=False
        Whether a model folder that is already there may be replaced.
    copy_encoder : bool, default=False
        Whether the files that an OnnxEncoder or a StaticEncoder reads are copied into the folder, which then stands
        alone. Otherwise it names them by their absolute path, size and SHA-256, and they have to stay as they are.

    Raises
    ------
    NotFittedError
        When the estimator is not fitted.
    TypeError
        For another kind of estimator, or a parameter that could only be stored as code.
    FileExistsError, OSError
        As :class:`coterie.io.OutputFolder`.

    See Also
    --------
    load

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from coterie import KMeans
    >>> kmeans = KMeans(n_clusters=2, random_state=0).fit(np.array([[0.0], [1.0], [8.0], [9.0]]))
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     save(kmeans, parent + "/model")
    ...     loaded = load(parent + "/model")
    >>> bool((loaded.predict([[2.0], [7.0]]) == kmeans.predict([[2.0], [7.0]])).all())
    True
    """
    writer = FolderWriter()
    if type(estimator) is Pipeline:
        steps = dict(estimator.steps)
        kind = next((kind for kind, names in _PIPELINES.items() if names == tuple(steps)), None)
        if kind is None:
            wanted = " or ".join(", ".join(names) for names in _PIPELINES.values())
            raise TypeError(f"estimator must have the steps {wanted}; got {', '.join(steps)}")
        parts = {
            name: describe(step, name, writer, copy_encoder=copy_encoder) for name, step in steps.items()
        }
        writer.write(folder, {"kind": kind, "parts": parts}, overwrite=overwrite)
        return
    entry = describe(estimator, _ESTIMATOR, writer, copy_encoder=copy_encoder)
    writer.write(folder, {"kind": entry["class"], "parts": {_ESTIMATOR: entry}}, overwrite=overwrite)


def fingerprint(estimator: Any) -> str:
    """Return a hash of everything that decides what a fitted estimator does.

    Parameters
    ----------
    estimator : estimator
        Fitted, of a class that :func:`save` takes.

    Returns
    -------
    str
        A hexadecimal SHA-256 of its class, parameters (but ``n_threads``), attributes and the files it reads.

    Raises
    ------
    NotFittedError, TypeError
        As :func:`save`.

    Examples
    --------
    >>> import numpy as np
    >>> from coterie import KMeans
    >>> X = np.array([[0.0], [1.0], [8.0]])
    >>> one, other = (KMeans(2, random_state=seed, n_init=1).fit(X) for seed in (0, 1))
    >>> fingerprint(one) == fingerprint(one), fingerprint(one) == fingerprint(other)
    (True, False)
    """
    writer = FolderWriter()
    entry = describe(estimator, _ESTIMATOR, writer)
    entry.get("source", {}).pop("path", None)
    return writer.digest(_without_threads(entry))


def _without_threads(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_threads(item) for name, item in value.items() if name != "n_threads"}
    return [_without_threads(item) for item in value] if isinstance(value, list) else value


def load(folder: PathArgument, *, encoder: PathArgument | None = None) -> Any:
    """Read an estimator from a model folder, which need not be trusted: nothing in it is ever executed.

    Parameters
    ----------
    folder : path
        Written by :func:`save`.
    encoder : path, optional
        Where the folder or file of an OnnxEncoder or a StaticEncoder is now, if it was moved. It must hold the same.

    Returns
    -------
    estimator
        Of the class that was saved; its predictions are those of the saved one, bit for bit (with an OnnxEncoder:
        where the same runtime and precision are chosen, see its ``engine_``).

    Raises
    ------
    FileNotFoundError
        When the folder does not exist or is not a model folder, or an encoder's files are no longer where they were.
    ValueError
        When it is of another schema version, or anything in it is not as it must be: a missing, changed or linked
        file, a wrong shape, type or size, NaN, an unknown class or parameter. The message names the file.

    Notes
    -----
    A folder from somebody else can still be slow to use, by a costly ``token_pattern`` for example.

    Examples
    --------
    >>> load("no-such-folder")
    Traceback (most recent call last):
    FileNotFoundError: model folder 'no-such-folder' does not exist
    """
    reader, moved_to = FolderReader(folder), None if encoder is None else Path(encoder)
    if reader.manifest.get("kind") == _MODEL:
        return _load_model(reader, moved_to)
    kind = reader.manifest.get("kind")
    if isinstance(kind, str) and kind in _PIPELINES:
        names = _PIPELINES[kind]
        parts = reader.mapping(reader.manifest.get("parts"), "parts", names)
        return _pipeline({name: restore(parts[name], name, reader, moved_to) for name in names}, reader)
    parts = reader.mapping(reader.manifest.get("parts"), "parts", (_ESTIMATOR,))
    return restore(parts[_ESTIMATOR], _ESTIMATOR, reader, moved_to)


def _pipeline(steps: dict[str, Any], reader: FolderReader) -> Pipeline:
    """Join what makes rows of texts and what takes the rows, if they fit each other."""
    (first, encoder), (last, model) = steps.items()
    mark, wanted, has = {
        "classifier": ("thresholds_", "an encoder and a classifier", "the classifier has"),
        "topics": ("topic_word_prior_", "a vectorizer and topics", "the topics have"),
    }[last]
    if not hasattr(encoder, "transform") or not hasattr(model, mark):
        raise reader.error("parts", f"{wanted} are wanted")
    n_features = _n_features(encoder)
    if n_features != model.n_features_in_:
        raise reader.error("parts", f"the {first} gives {n_features} features, {has} {model.n_features_in_}")
    return Pipeline(list(steps.items()))


def _n_features(encoder: Any) -> int:
    """How many columns a fitted encoder gives."""
    if hasattr(encoder, "vocabulary_"):
        return len(encoder.vocabulary_)
    n_features: int = next(
        getattr(encoder, name) for name in ("dim_", "n_components_", "n_features") if name in vars(encoder)
    )
    return n_features


def save_model(
    model: ClusterModel, folder: PathArgument, *, overwrite: bool = False, copy_encoder: bool = False
) -> None:
    """Write a cluster model, that is a vectorizer, centres and cluster summaries, to a model folder.

    Parameters
    ----------
    model : ClusterModel
        As :func:`coterie.cluster_texts` gives it.
    folder, overwrite, copy_encoder
        As for :func:`save`.

    Raises
    ------
    NotFittedError, TypeError, FileExistsError, OSError
        As :func:`save`.
    ValueError
        When the vectorizer, the centres and the summaries do not fit each other.

    See Also
    --------
    load_model

    Examples
    --------
    >>> import tempfile
    >>> from coterie import cluster_texts
    >>> texts = ["one fish", "red fish", "blue fish", "tall tree", "green tree", "old tree"]
    >>> model = cluster_texts(texts, n_clusters=2).model
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     save_model(model, parent + "/model")
    ...     loaded = load_model(parent + "/model")
    >>> bool((loaded.predict(["a fish"]).labels == model.predict(["a fish"]).labels).all())
    True
    """
    problem = _misfit(model.encoder, model.clusterer, len(model.summaries))
    if problem:
        raise ValueError(f"model cannot be saved: {problem}")
    writer = FolderWriter()
    parts = {
        "vectorizer": describe(model.encoder, "vectorizer", writer, copy_encoder=copy_encoder),
        "kmeans": describe(model.clusterer, "kmeans", writer),
    }
    summaries = [
        {
            "cluster": int(summary.cluster),
            "size": int(summary.size),
            "terms": [[term, float(weight)] for term, weight in summary.terms],
            "representatives": [int(row) for row in summary.representatives],
        }
        for summary in model.summaries
    ]
    content = {"kind": _MODEL, "parts": parts, "summaries": writer.add_json("summaries", summaries)}
    writer.write(folder, content, overwrite=overwrite)


def can_save(model: ClusterModel) -> bool:
    """Say whether a model folder can hold a cluster model, whose encoder and centres must be of coterie's own classes.

    Parameters
    ----------
    model : ClusterModel
        As :func:`coterie.cluster_texts` gives it.

    Returns
    -------
    bool

    Examples
    --------
    >>> from coterie import cluster_texts
    >>> can_save(cluster_texts(["one fish", "red fish", "tall tree", "old tree"], n_clusters=2).model)
    True
    """
    return is_kept(model.encoder) and is_kept(model.clusterer)


def load_model(folder: PathArgument, *, encoder: PathArgument | None = None) -> ClusterModel:
    """Read a cluster model; the folder need not be trusted.

    Parameters
    ----------
    folder : path
        Written by :func:`save_model`.
    encoder : path, optional
        As for :func:`load`.

    Returns
    -------
    ClusterModel
        Its predictions are those of the saved one, as for :func:`load`.

    Raises
    ------
    FileNotFoundError, ValueError
        As :func:`load`, and when the folder holds an estimator instead of a model, or the vectorizer, the centres and
        the summaries do not fit each other.

    Examples
    --------
    >>> load_model("no-such-folder")
    Traceback (most recent call last):
    FileNotFoundError: model folder 'no-such-folder' does not exist
    """
    reader = FolderReader(folder)
    if reader.manifest.get("kind") != _MODEL:
        kind = str(reader.manifest.get("kind"))[:80]
        hint = _READ_BY.get(kind, "coterie.persistence.load reads estimators")
        raise reader.error("kind", f"{_MODEL} is wanted; got {kind!r}: {hint}")
    return _load_model(reader, None if encoder is None else Path(encoder))


def _load_model(reader: FolderReader, moved_to: Path | None) -> ClusterModel:
    from coterie.journey import ClusterModel

    parts = reader.mapping(reader.manifest.get("parts"), "parts", ("vectorizer", "kmeans"))
    vectorizer = restore(parts["vectorizer"], "vectorizer", reader, moved_to)
    kmeans = restore(parts["kmeans"], "kmeans", reader)
    summaries = reader.json(reader.manifest.get("summaries"))
    if not isinstance(summaries, list):
        raise reader.error("summaries.json", "a list of summaries is wanted")
    problem = _misfit(vectorizer, kmeans, len(summaries))
    if problem:
        raise reader.error("parts", problem)
    return ClusterModel(
        vectorizer, kmeans, [_summary(summary, i, reader) for i, summary in enumerate(summaries)]
    )


def _misfit(vectorizer: Any, kmeans: Any, n_summaries: int) -> str | None:
    """Say what keeps a vectorizer, centres and so many summaries from being one model."""
    encodes = any(hasattr(vectorizer, name) for name in ("get_stop_words", "term_sums_", "dim_"))
    if not encodes or not hasattr(kmeans, "predict_top_two"):
        return "a vectorizer and K-means centres are wanted"
    check_is_fitted(vectorizer)
    check_is_fitted(kmeans)
    n_features = _n_features(vectorizer)
    if n_features != kmeans.n_features_in_:
        return f"the vectorizer gives {n_features} features, the centres have {kmeans.n_features_in_}"
    if n_summaries != kmeans.n_clusters:
        return f"there are {n_summaries} summaries for {kmeans.n_clusters} clusters"
    return None


def _summary(stored: Any, cluster: int, reader: FolderReader) -> ClusterSummary:
    from coterie.journey import ClusterSummary

    where = f"summaries.json, cluster {cluster}"
    entry = reader.mapping(stored, where, ("cluster", "size", "terms", "representatives"))
    terms, rows = entry["terms"], entry["representatives"]
    terms_are_sound = isinstance(terms, list) and all(
        isinstance(t, list) and len(t) == 2 and isinstance(t[0], str) and _is_finite_float(t[1])
        for t in terms
    )
    rows_are_sound = isinstance(rows, list) and all(type(row) is int and row >= 0 for row in rows)
    size_is_sound = type(entry["size"]) is int and entry["size"] >= 0
    if entry["cluster"] != cluster or not (terms_are_sound and rows_are_sound and size_is_sound):
        raise reader.error(where, "a number, a size, terms with weights and row numbers are wanted")
    return ClusterSummary(cluster, entry["size"], [(term, float(weight)) for term, weight in terms], rows)


def _is_finite_float(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value)
