"""Labels as users have them, and what is refused before anything is trained."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from coterie.classify import check_labels
from coterie.classify.labels import class_names, indicator


def test_single_and_multiple_labels_are_told_apart() -> None:
    assert check_labels(np.array(["a", "b"])) == (["a", "b"], False)
    assert check_labels(np.array([3, 1])) == ([3, 1], False)
    assert check_labels([{"b", "a"}, [], np.array(["c"])]) == ([("a", "b"), (), ("c",)], True)
    assert check_labels([["a", "a"]]) == ([("a",)], True)


def test_missing_labels_are_counted_and_named() -> None:
    message = r"labels are missing for 2 of 4 documents \(rows 1, 3\)"
    with pytest.raises(ValueError, match=message):
        check_labels(["a", None, "b", float("nan")])
    with pytest.raises(ValueError, match=message):
        check_labels([["a"], None, [], ["b", None]])
    with pytest.raises(ValueError, match=r"7 of 7 documents \(rows 0, 1, 2, 3, 4, \.\.\.\)"):
        check_labels([None] * 7)


def test_other_bad_labels_are_named() -> None:
    with pytest.raises(TypeError, match="not one str"):
        check_labels("label")
    for table in (np.eye(2, dtype=int), sp.csr_array(np.eye(2)), np.array([["a"], ["b"]])):
        with pytest.raises(TypeError, match=r"one list of labels per document; got a .*array of shape \(2, "):
            check_labels(table)
    for no_iterable in (None, 5):
        with pytest.raises(TypeError, match=f"must be an iterable .* got {no_iterable}"):
            check_labels(no_iterable)
    with pytest.raises(ValueError, match="got 1 for 2 documents"):
        check_labels(["a"], n_documents=2)
    with pytest.raises(ValueError, match="at least one entry"):
        check_labels([])
    with pytest.raises(TypeError, match=r"row 1 has \('b',\)"):
        check_labels(["a", ["b"]])
    with pytest.raises(TypeError, match="a collection of labels in each row; row 0 has 'a'"):
        check_labels(["a"], multi_label=True)
    with pytest.raises(TypeError, match="all str or all int"):
        class_names(["a", 1], False)
    with pytest.raises(TypeError, match="must be str or int"):
        check_labels([0.5])
    with pytest.raises(TypeError, match="must be str or int"):
        check_labels([True])
    with pytest.raises(ValueError, match="every document has an empty collection"):
        class_names([(), ()], True)


def test_the_indicator_has_a_column_per_class() -> None:
    classes = class_names([("b", "a"), ("c",)], True)
    assert classes.tolist() == ["a", "b", "c"]
    table = indicator([("c", "a"), (), ("z",)], classes, True)
    assert table.tolist() == [[True, False, True], [False] * 3, [False] * 3]
