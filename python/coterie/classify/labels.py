"""Labels as users have them: one per document, or any number of them, checked before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

_N_SHOWN = 5


def check_labels(
    labels: Iterable[Any], *, n_documents: int | None = None, multi_label: bool | None = None
) -> tuple[list[Any], bool]:
    """Check the labels of documents and tell whether they are single or multiple.

    Parameters
    ----------
    labels : iterable of length n_documents
        One label per document (str or int), or one collection of labels per document (list, tuple, set or array of
        str or int, which may be empty).
    n_documents : int, optional
        How many there must be.
    multi_label : bool, optional
        What is wanted; None takes what the first label is.

    Returns
    -------
    labels : list
        Of labels, or of tuples of labels without repeats in their order.
    multi_label : bool
        Whether each document has a collection of labels.

    Raises
    ------
    ValueError
        If labels are missing (None or NaN); the message counts them and names the first rows. If there are none at
        all, or another number than ``n_documents``.
    TypeError
        If ``labels`` is one string, no iterable or a table, or single labels and collections are mixed.

    Examples
    --------
    >>> from coterie.classify import check_labels
    >>> check_labels([["red", "big"], [], ["red"]])
    ([('red', 'big'), (), ('red',)], True)
    >>> check_labels(["red", None, "blue", None])
    Traceback (most recent call last):
    ValueError: labels are missing for 2 of 4 documents (rows 1, 3): give each a label or leave those rows out
    """
    if isinstance(labels, str | bytes):
        raise TypeError(
            f"labels must be an iterable with one entry per document, not one {type(labels).__name__}"
        )
    shape = getattr(labels, "shape", None)
    if isinstance(shape, tuple) and len(shape) > 1:
        # The zeros and ones of an indicator would be taken for the names of labels.
        kind = type(labels).__name__
        raise TypeError(
            f"labels must have one label or one list of labels per document; got a {kind} of shape {shape}"
        )
    if not isinstance(labels, Iterable):
        raise TypeError(f"labels must be an iterable with one entry per document; got {labels!r}")
    values = [_plain(label) for label in labels]
    if n_documents is not None and len(values) != n_documents:
        raise ValueError(
            f"labels must have one entry per document; got {len(values)} for {n_documents} documents"
        )
    if not values:
        raise ValueError("labels must have at least one entry; got none")
    missing = [row for row, value in enumerate(values) if _is_missing(value)]
    if missing:
        shown = ", ".join(map(str, missing[:_N_SHOWN])) + (", ..." if len(missing) > _N_SHOWN else "")
        raise ValueError(
            f"labels are missing for {len(missing)} of {len(values)} documents (rows {shown}): "
            "give each a label or leave those rows out"
        )
    if multi_label is None:
        multi_label = isinstance(values[0], tuple)
    for row, value in enumerate(values):
        if isinstance(value, tuple) != multi_label:
            wanted = "a collection of labels" if multi_label else "one label (a str or an int)"
            raise TypeError(f"labels must have {wanted} in each row; row {row} has {value!r}")
    return values, multi_label


def class_names(labels: Sequence[Any], multi_label: bool) -> NDArray[Any]:
    """Return the distinct labels in order, as an array of str or int64; mixed kinds are refused."""
    distinct = {label for row in labels for label in (row if multi_label else (row,))}
    kinds = {type(label) for label in distinct}
    if len(kinds) > 1:
        raise TypeError(f"labels must be all str or all int; got {sorted(kind.__name__ for kind in kinds)}")
    if not distinct:
        raise ValueError("labels must name at least one class; every document has an empty collection")
    names = sorted(distinct)
    return np.array(names, dtype=object) if isinstance(names[0], str) else np.array(names, dtype=np.int64)


def indicator(labels: Sequence[Any], classes: NDArray[Any], multi_label: bool) -> NDArray[np.bool_]:
    """Return a table of documents and classes; labels that are no class are left out."""
    column = {label: j for j, label in enumerate(classes.tolist())}
    table = np.zeros((len(labels), len(classes)), dtype=np.bool_)
    for i, row in enumerate(labels):
        for label in row if multi_label else (row,):
            if label in column:
                table[i, column[label]] = True
    return table


def _plain(label: Any) -> Any:
    if isinstance(label, np.generic):
        label = label.item()
    if isinstance(label, np.ndarray | list | tuple | set | frozenset):
        items = sorted(label, key=str) if isinstance(label, set | frozenset) else label
        return tuple(dict.fromkeys(_plain(item) for item in items))
    if isinstance(label, bool) or not isinstance(label, str | int | float | None):
        raise TypeError(f"labels must be str or int, or collections of them; got {label!r}")
    if isinstance(label, float) and label == label:
        if not label.is_integer():
            raise TypeError(f"labels must be str or int, or collections of them; got {label!r}")
        return int(label)
    return label


def _is_missing(value: Any) -> bool:
    if isinstance(value, tuple):
        return any(_is_missing(item) for item in value)
    return value is None or (isinstance(value, float) and value != value)


def rows_of(X: Any, rows: NDArray[np.intp]) -> Any:
    """Return rows of a dense or sparse matrix."""
    return sp.csr_array(X)[rows] if sp.issparse(X) else np.asarray(X)[rows]
