"""Short names: one form of each word, without a list of words."""

from __future__ import annotations

import pytest

from coterie.report import render_report
from coterie.report._names import name_terms


@pytest.mark.parametrize(
    ("term", "form"),
    [
        ("file", "files"),
        ("feature", "features"),
        ("party", "parties"),
        ("estimator", "estimators"),
        ("играл", "играла"),
    ],
)
def test_one_form_of_each_word(term, form):
    assert name_terms([term, form, "other"], 2) == [term, "other"]
    assert name_terms([form, term, "other"], 2) == [form, "other"]


@pytest.mark.parametrize(
    ("term", "other"),
    [
        ("new", "news"),
        ("20041", "20042"),
        ("interest", "internet"),
        ("n_samples", "n_features"),
        ("中国", "中国人"),
    ],
)
def test_words_that_only_begin_alike_stay(term, other):
    assert name_terms([term, other], 2) == [term, other]


def test_fewer_terms_where_forms_are_all_there_is():
    assert name_terms(["kernel", "kernels"], 3) == ["kernel"]
    assert name_terms([], 3) == []


def test_legend_names_no_word_twice_and_cards_list_all(cluster):
    texts = ["apple apples pear", "apples apple pear", "engine rail station", "rail engine wagon"]
    html = render_report(cluster(texts, 2), texts)
    legend = html.split('id="legend"')[1].split("</ol>")[0]
    assert legend.count("<bdi>apple") == 1
    assert "<bdi>pear</bdi>" in legend
    cards = html.split('id="cards"')[1]
    assert all(f"<bdi>{term}</bdi></th>" in cards for term in ("apple", "apples"))
