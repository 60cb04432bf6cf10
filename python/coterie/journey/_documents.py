"""What goes in: the texts and labels of a call, checked, and the texts as rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils import check_array

from coterie._device import DeviceRows, open_device
from coterie._validation import check_one_column
from coterie.evaluate.external import encode_labels
from coterie.text import TfidfVectorizer

if TYPE_CHECKING:
    from coterie.encode import OnnxEncoder


@dataclass(frozen=True)
class Encoded:
    """Texts as rows, by a fitted encoder; ``name`` is how it was asked for."""

    name: str
    encoder: Any
    rows: Any
    n_truncated: int = 0  # different texts that were longer than the encoder reads
    on_device: DeviceRows | None = None  # the same rows, where the encoder computed them

    @property
    def filled(self) -> NDArray[np.intp]:
        """Rows that are not zero: the others say nothing about their documents."""
        return filled_rows(self.rows)


def check_texts(texts: Iterable[str]) -> Any:
    if isinstance(texts, str | bytes):
        raise TypeError(f"texts must be an iterable of str, not one {type(texts).__name__}")
    check_one_column("texts", texts)
    documents: Any = texts if hasattr(texts, "__len__") else list(texts)
    if len(documents) == 0:
        raise ValueError("texts must have at least one document; got 0")
    return documents


def check_labels(labels: Any, n_documents: int) -> NDArray[np.int64]:
    classes = encode_labels("labels", labels)
    if len(classes) != n_documents:
        raise ValueError(f"labels must have one element per text; got {len(classes)} for {n_documents} texts")
    return classes


def encode(
    documents: Any,
    encoder: Any,
    min_df: int | float,
    max_df: int | float,
    how_to_read: dict[str, Any],
    random_state: Any,
    device: object = "cpu",
) -> Encoded:
    """Fit the encoder and encode; ``min_df``, ``max_df`` and most of how to read are for "tfidf" alone.

    ``device`` is where the rows will be clustered: a named encoder that computes there leaves them there too.
    """
    if isinstance(encoder, str) and encoder == "tfidf":
        return Encoded("tfidf", *vectorize(documents, min_df, max_df, how_to_read))
    if isinstance(encoder, str):
        from coterie.encode.factory import make_encoder, split_spec

        split_spec("encoder", encoder)
        name = encoder
        language, n_threads = how_to_read["language"], how_to_read["n_threads"]
        fitted = make_encoder(encoder, language=language, random_state=random_state, n_threads=n_threads)
        if device != "cpu" and encoder.startswith("onnx:"):
            return _encoded_there(name, fitted, documents, device)
    elif hasattr(encoder, "fit_transform") and hasattr(encoder, "get_params"):
        name, fitted = type(encoder).__name__, clone(encoder)
    else:
        raise TypeError(f"encoder must be a name or an estimator with fit_transform; got {encoder!r}")
    return _as_rows(name, fitted, documents, fitted.fit_transform(documents))


def _encoded_there(name: str, encoder: OnnxEncoder, documents: Any, device: object) -> Encoded:
    """Encode with an encoder that may compute on ``device``; the model that is kept gives rows on the host."""
    encoder.fit()
    opened = open_device(device)
    if opened is None or not encoder.computes_on(opened):
        return _as_rows(name, encoder, documents, encoder.transform(documents))
    found = encoder.set_params(keep_on_device=True).transform(documents)
    return _as_rows(name, encoder.set_params(keep_on_device=False), documents, found)


def _as_rows(name: str, fitted: Any, documents: Any, found: Any) -> Encoded:
    """Check what an encoder gave; rows on a device come to the host as well, for all but K-means."""
    on_device = found if isinstance(found, DeviceRows) else None
    found = found if on_device is None else on_device.numpy()
    rows = check_array(found, accept_sparse="csr", dtype=np.float32, input_name=f"rows of {name}")
    if rows.shape[0] != len(documents):
        raise ValueError(
            f"encoder must give one row per text; {name} gave {rows.shape[0]} for {len(documents)} texts"
        )
    n_truncated = int(getattr(getattr(fitted, "statistics_", None), "n_truncated", 0))
    rows = sp.csr_array(rows) if sp.issparse(rows) else rows
    return Encoded(name, fitted, rows, n_truncated, on_device)


def terms_of(
    documents: Any,
    encoded: Encoded,
    min_df: int | float,
    max_df: int | float,
    how_to_read: dict[str, Any],
) -> tuple[TfidfVectorizer, sp.csr_array] | None:
    """Return the TF-IDF rows that say what clusters are about; None where no text has a term."""
    if isinstance(encoded.encoder, TfidfVectorizer):
        return encoded.encoder, encoded.rows
    try:
        return vectorize(documents, min_df, max_df, how_to_read)
    except ValueError as error:
        if "vocabulary" not in str(error):
            raise
        return None


def vectorize(
    documents: Any, min_df: int | float, max_df: int | float, options: dict[str, Any]
) -> tuple[TfidfVectorizer, sp.csr_array]:
    """Fit with these limits, or with the first wider ones that leave half of the documents with terms."""
    wider = [(min_df, max_df), (1, max_df), (1, 1.0)]
    for low, high in wider:
        vectorizer = TfidfVectorizer(min_df=low, max_df=high, **options)
        last = (low, high) == (1, 1.0)
        try:
            X = sp.csr_array(vectorizer.fit_transform(documents))
        except ValueError:  # no term is left, or none was there
            if last:
                raise
            continue
        if last or np.count_nonzero(np.diff(X.indptr)) * 2 >= X.shape[0]:
            break
    return vectorizer, X


def filled_rows(rows: Any) -> NDArray[np.intp]:
    """Return which rows are not all zero: whose documents have a known term."""
    return np.flatnonzero(np.diff(rows.indptr) > 0 if sp.issparse(rows) else rows.any(axis=1))
