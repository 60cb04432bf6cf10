"""Terms that a device finds, counts and weighs are those of the CPU, with the same totals and the same matrices."""

import numpy as np
import pytest

from coterie import CountVectorizer, TfidfVectorizer, _core
from coterie.text import _device_words

TEXTS = [
    "Red fish, BLUE fish; one_fish 2 fish",
    "",
    "a b c",  # nothing with two characters
    "ΟΔΥΣΣΕΥΣ ΣΑΣ İstanbul ȺȺ ẞtraße STRASSE",  # sigmas, lower cases of other lengths
    "naïve café Ünïcode ÀÉÎ naïve",
    "今天 天气 很好 今天 fish",
    "Привет, МИР мир",
    "nul\0fish tab\tfish \x7f\x80 fish",
    "\ud800 lone \udfff surrogates fish",
    "𝒳𝒴 𐐀𐐁 𐐨𐐩 x𝒳y",  # four bytes; Deseret has a lower case
    "combining e\u0301e\u0301 ٣٤٥ ½½ ⅧⅧ",
    "_ __ ___ A_ _1",
    "x" * 5000 + " fish " + "y" * 4095,
    "fish" * 3 + " " + "é" * 4097,
] * 2


def same_matrix(here, there):
    for a, b in ((here.data, there.data), (here.indices, there.indices), (here.indptr, there.indptr)):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"lowercase": False, "token_pattern": r"\w+"},
        {"min_df": 2, "max_df": 0.9, "stop_words": ["fish", "one"], "sublinear_tf": True},
        {"max_features": 9, "norm": "l1", "dtype": np.float64, "token_pattern": r"\w{3,}"},
        {"binary": True, "use_idf": False},
        {"vocabulary": ["fish", "мир", "今天", "absent", "ὀδυσσεύς"], "tf": "relative", "norm": None},
        {"tf": "relative", "norm": "l1", "smooth_idf": False},
        {"ngram_range": (1, 3), "stop_words": ["fish", "one"], "min_df": 2},
        {"ngram_range": (2, 2), "sublinear_tf": True, "max_features": 12},
        {"ngram_range": (3, 4), "token_pattern": r"\w+", "norm": None, "dtype": np.float64},
        {
            "ngram_range": (1, 2),
            "stop_words": ["red"],
            "vocabulary": ["red fish", "one fish", "fish blue", "fish"],
        },
        {"strip_accents": "unicode", "ngram_range": (1, 2)},
        {"strip_accents": "ascii", "lowercase": False},
    ],
)
def test_matrices_are_those_of_the_cpu(options):
    here, there = TfidfVectorizer(**options), TfidfVectorizer(device="emulated", **options)
    same_matrix(here.fit_transform(TEXTS), there.fit_transform(TEXTS))
    assert here.vocabulary_ == there.vocabulary_
    np.testing.assert_array_equal(here.document_frequency_, there.document_frequency_)
    new = ["new fish МИР", "", "Straße nothing", TEXTS[3]]
    same_matrix(here.transform(new), there.transform(new))
    assert (
        here.fit(TEXTS).get_feature_names_out().tolist() == there.fit(TEXTS).get_feature_names_out().tolist()
    )


def test_counts_of_arrow_texts_and_generators():
    pa = pytest.importorskip("pyarrow")
    texts = [text for text in TEXTS if "\ud800" not in text]
    here = CountVectorizer().fit(texts)
    for documents in (pa.array(texts), (text for text in texts), ([text] * 1 for text in texts)):
        same_matrix(here.transform(texts), CountVectorizer(device="emulated").fit_transform(documents))


def test_bytes_that_are_not_utf8_are_refused_with_their_row():
    pa = pytest.importorskip("pyarrow")
    for bad in (b"ok \xc3(", b"\x80", b"\xe2\x82", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xc0\xaf"):
        raw = pa.array([b"fish", bad, b"fish"]).view(pa.string())
        for device in ("cpu", "emulated"):
            with pytest.raises(ValueError, match="document 1 is not valid UTF-8"):
                CountVectorizer(device=device).fit(raw)


def counter_on(device, documents, **options):
    counter = _core.TermCounter("word", (1, 2), 2, True, "none", _core.TermList([]), None, True)
    if device is None:
        counter.add_documents(tuple(documents), 1)
    else:
        _core.DeviceTermCounter(device, counter, **options).add_documents(tuple(documents), 1)
    counter.merge(1)
    return counter


def totals_by_term(counter):
    ids = counter.select(1, np.inf, 1)
    (df, tf), names = counter.frequencies(ids, 1), counter.texts(ids, 1).to_list()
    return {name: (int(a), int(b)) for name, a, b in zip(names, df, tf, strict=True)}


def test_batches_are_joined_and_collisions_are_seen():
    device = _core.Device("emulated")
    expected = totals_by_term(counter_on(None, TEXTS))
    assert expected["fish"] == (10, 18)
    assert expected["red fish"] == (2, 2)
    assert totals_by_term(counter_on(device, TEXTS)) == expected
    assert totals_by_term(counter_on(device, TEXTS, batch_bytes=64)) == expected
    # With 7 bits one seed of seven lets two of these words collide; another one is taken then.
    words = [f"w{i} fish w{i}" for i in range(6)]
    for _ in range(10):
        assert totals_by_term(counter_on(device, words, hash_mask=0x7F)) == totals_by_term(
            counter_on(None, words)
        )
    with pytest.raises(RuntimeError, match="hashes of different words are equal for 8 seeds"):
        counter_on(device, words, hash_mask=1)


def test_counts_are_whole_numbers_where_they_are_asked_for():
    options = {"ngram_range": (1, 2), "dtype": np.int64}
    here = CountVectorizer(**options).fit_transform(TEXTS)
    same_matrix(here, CountVectorizer(device="emulated", **options).fit_transform(TEXTS))


def test_rows_of_several_batches_and_calls_are_joined():
    counter = _core.TermCounter("word", (1, 2), 2, True, "none", _core.TermList(["one"]), None, True)
    there = _core.DeviceTermCounter(_core.Device("emulated"), counter, batch_bytes=200)
    for texts in (TEXTS[:5], [], TEXTS[5:], ["", "one one"]):
        there.add_documents(tuple(texts), 1)
    counter.merge(1)
    ids = counter.sort_by_text(counter.select(1, np.inf, 1), 1)
    rows = there.rows(ids, "float64", "count", "l2", None, 1)
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), stop_words=["one"], use_idf=False, dtype=np.float64)
    expected = vectorizer.fit_transform([*TEXTS, "", "one one"])
    assert counter.n_documents == len(TEXTS) + 2
    for a, b in zip((expected.data, expected.indices, expected.indptr), rows, strict=True):
        np.testing.assert_array_equal(a, b)


def test_documents_that_are_added_in_pieces_have_one_vocabulary():
    here, there = CountVectorizer(), CountVectorizer(device="emulated", ngram_range=(1, 1))
    for texts in (TEXTS[:4], TEXTS[4:]):
        there.partial_fit(texts)
    here.fit(TEXTS)
    assert here.vocabulary_ == there.vocabulary_
    np.testing.assert_array_equal(here.document_frequency_, there.document_frequency_)


def test_texts_without_terms():
    with pytest.raises(ValueError, match="empty vocabulary"):
        TfidfVectorizer(device="emulated", ngram_range=(1, 2)).fit_transform(["", "a b"])
    fitted = TfidfVectorizer(device="emulated", ngram_range=(2, 3)).fit(["red fish swim"])
    assert fitted.transform(["", "red", "blue whales", "red fish"]).toarray().tolist()[:3] == [[0.0] * 3] * 3


def test_an_analysis_that_a_device_does_not_do_is_refused():
    for options in (
        {"analyzer": "char"},
        {"strip_accents": str},
        {"tokenizer": str.split, "token_pattern": None},
    ):
        with pytest.raises(ValueError, match="device='cuda' counts words and their n-grams"):
            CountVectorizer(device="cuda", **options).fit(TEXTS)
    assert CountVectorizer(device="auto", analyzer="char").fit(["fish fish"]).n_documents_ == 1
    with pytest.raises(ValueError, match="device must be 'auto', 'cpu', 'cuda' or 'cuda:N'; got 'gpu'"):
        CountVectorizer(device="gpu").fit(TEXTS)
    assert _device_words.device_terms("cpu", None, None) is None
