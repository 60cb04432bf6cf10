"""What documents may be, what they may not be, and that threads, instruction sets and batches change no bit."""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction import text as sklearn_text

from coterie import _core
from coterie.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from coterie.text._analysis import min_token_chars, segment

TEXTS = ["the cat sat", "", "Ünï cödé", "深度学习 model", "😀 emoji text", "the \x00 nul\x00byte"]

# All of Unicode with surrogates, with what the tokenizer branches on drawn often.
SPECIAL = st.sampled_from(
    "ΣσςİıẞßŐ\u0307\u00ad'.:_\x00\x1c\x85\u00a0\u2003\u3000aZ09éŁ한각㍿ﷺ①²٣中😀\ud800\udfff"
)
CHARACTERS = st.one_of(SPECIAL, st.characters(codec=None, exclude_categories=()), st.sampled_from("abcXYZ  "))
DOCUMENTS = st.lists(st.text(CHARACTERS, max_size=40), min_size=1, max_size=4)


def bits(X: Any) -> tuple[Any, ...]:
    return X.shape, X.indptr.tobytes(), X.indices.tobytes(), X.data.tobytes()


def counted(vectorizer: Any, documents: list[str]) -> Any:
    """Return vocabulary and counts, or the message where there are no terms."""
    try:
        X = vectorizer.fit_transform(documents)
    except ValueError as error:
        return str(error)
    return vectorizer.vocabulary_, X.toarray().tolist()


@settings(max_examples=300, deadline=None)
@given(
    documents=DOCUMENTS,
    lowercase=st.booleans(),
    strip_accents=st.sampled_from([None, "ascii", "unicode"]),
    analyzer=st.sampled_from(["word", "char", "char_wb"]),
    ngram_range=st.sampled_from([(1, 1), (1, 2), (2, 3), (4, 4)]),
    token_pattern=st.sampled_from([r"(?u)\b\w\w+\b", r"\w+", r"(?u)\b\w{3,}\b"]),
)
def test_any_text_is_analysed_as_by_scikit_learn(documents: list[str], analyzer: str, **options: Any) -> None:
    if analyzer != "word":
        del options["token_pattern"]
    ours = CountVectorizer(analyzer=analyzer, **options, dtype=np.int64)
    theirs = sklearn_text.CountVectorizer(analyzer=analyzer, **options)
    assert counted(ours, documents) == counted(theirs, documents)


# Text is read in blocks of 64 characters, and within them in runs of ASCII.
RUNS = st.tuples(st.one_of(CHARACTERS, st.sampled_from("aZ .éß’дЖ学😀")), st.integers(0, 150))
LONG_DOCUMENTS = st.lists(st.lists(RUNS, max_size=8), min_size=1, max_size=3)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # every_isa is the same for each example
@given(
    runs=LONG_DOCUMENTS,
    lowercase=st.booleans(),
    strip_accents=st.sampled_from([None, "ascii", "unicode"]),
)
def test_runs_of_any_length_are_analysed_as_by_scikit_learn(
    every_isa: list[str], runs: list[list[tuple[str, int]]], **options: Any
) -> None:
    documents = ["".join(character * n for character, n in some) for some in runs]
    documents += [f"aé{document} Az" for document in documents]
    expected = counted(sklearn_text.CountVectorizer(**options), documents)
    kinds: list[Any] = [documents]
    if find_spec("pyarrow") and not any("\ud800" <= c <= "\udfff" for c in "".join(documents)):
        kinds.append(importlib.import_module("pyarrow").array(documents))
    for isa in every_isa:
        _core.set_isa(isa)
        for kind in kinds:
            assert counted(CountVectorizer(dtype=np.int64, **options), kind) == expected


def test_every_character_is_classified_and_lowered_as_by_python() -> None:
    documents = [f"{chr(c)}{chr(c)} x{chr(c)}y A{chr(c)}Σ Σ{chr(c)}" for c in range(0x110000)]
    for options in ({}, {"strip_accents": "unicode"}, {"strip_accents": "ascii", "lowercase": False}):
        ours = CountVectorizer(token_pattern=r"\w+", dtype=np.int64, **options)
        theirs = sklearn_text.CountVectorizer(token_pattern=r"\w+", **options)
        expected = theirs.build_analyzer()
        analysed = ours.fit(documents[::7]).build_analyzer()
        assert analysed(documents[65]) == expected(documents[65])
        step = 13 if options else 3
        sample = documents[::step]
        X = ours.fit_transform(sample)
        names = ours.get_feature_names_out()
        for i, document in enumerate(sample):
            terms = names[X.indices[X.indptr[i] : X.indptr[i + 1]]]
            assert set(terms) == set(expected(document)), repr(document)


@pytest.mark.parametrize("make", [CountVectorizer, TfidfVectorizer, HashingVectorizer])
def test_threads_and_instruction_sets_change_no_bit(
    load_rows: Callable[..., list[dict[str, Any]]], every_isa: list[str], make: Any
) -> None:
    texts = [row["text"] for row in load_rows("20newsgroups", limit=300)]
    texts += [row["text"] for row in load_rows("thucnews_titles", limit=300)]
    results = set()
    for isa in every_isa:
        _core.set_isa(isa)
        for n_threads in (1, 2, 3, 7, None):
            vectorizer = make(n_threads=n_threads, ngram_range=(1, 2))
            results.add(bits(vectorizer.fit_transform(texts)))
            results.add(bits(vectorizer.transform(texts)))
    assert len(results) == 1


def test_containers_give_the_same_matrix() -> None:
    pa, pd, pl = (pytest.importorskip(name) for name in ("pyarrow", "pandas", "polars"))
    expected = bits(TfidfVectorizer().fit_transform(TEXTS))

    def batches() -> Iterator[Any]:
        yield TEXTS[:2]
        yield np.array(TEXTS[2:3], dtype=object)
        yield TEXTS[3]
        yield pa.array(TEXTS[4:])

    containers = [
        tuple(TEXTS),
        iter(TEXTS),
        batches(),
        np.array(TEXTS, dtype=object),
        pd.Series(TEXTS),
        pl.Series(TEXTS),
        pa.array(TEXTS),
        pa.array(TEXTS, pa.large_string()),
        pa.array(TEXTS, pa.string_view()),
        pa.array(TEXTS).dictionary_encode(),
        pa.array(["skipped", *TEXTS, "skipped"])[1:-1],
        pa.chunked_array([TEXTS[:1], [], TEXTS[1:]], pa.string()),
        dict.fromkeys(TEXTS),
        [text.encode() for text in TEXTS],
    ]
    for container in containers:
        assert bits(TfidfVectorizer().fit_transform(container)) == expected, type(container)


def test_files_and_encodings(tmp_path: Any) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes("caf\xe9 noir".encode("latin-1"))
    for input_, document in (("filename", str(path)), ("file", io.BytesIO(path.read_bytes()))):
        names = CountVectorizer(input=input_, encoding="latin-1").fit([document]).get_feature_names_out()
        assert names.tolist() == ["café", "noir"]
    with pytest.raises(UnicodeDecodeError) as info:
        CountVectorizer().fit([b"fine", b"caf\xe9"])
    assert info.value.__notes__ == ["while analysing document 1"]


@pytest.mark.parametrize(
    "document", [None, 7, 1.5, float("nan"), ["a"], object()], ids=lambda d: type(d).__name__
)
def test_documents_that_are_not_text_are_refused_with_their_row(document: Any) -> None:
    for make, lowercase in ((CountVectorizer, True), (TfidfVectorizer, False), (HashingVectorizer, True)):
        kind = AttributeError if lowercase else TypeError
        with pytest.raises(kind, match="document 2 "):
            make(lowercase=lowercase).fit_transform(["one two", "three", document])


def test_missing_values() -> None:
    pa = pytest.importorskip("pyarrow")
    with pytest.raises(ValueError, match=r"document 1: np\.nan is an invalid document"):
        CountVectorizer().fit(["one two", np.nan])
    with pytest.raises(AttributeError, match="document 3 is null"):
        CountVectorizer().fit(pa.chunked_array([["a b"], ["c d", "e", None]]))
    for column in (pa.array([["a"]]), pa.array([1, 2]), pa.array([1, 2]).dictionary_encode()):
        with pytest.raises(TypeError, match="documents must be strings; got an Arrow array of"):
            CountVectorizer().fit(column)


def test_invalid_utf8_in_arrow_is_refused_with_its_row() -> None:
    pa = pytest.importorskip("pyarrow")
    for bad in (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe4\xb8", b"\xe4\xb8a"):
        raw = pa.array([b"fine", b"ok " + bad], pa.binary())
        column = pa.StringArray.from_buffers(2, raw.buffers()[1], raw.buffers()[2])
        with pytest.raises(ValueError, match="document 1 is not valid UTF-8"):
            CountVectorizer().fit(column)


@pytest.mark.parametrize("documents", [[], [""], ["", "the and of"], ["a b c"]], ids=repr)
def test_nothing_to_learn_from(documents: list[str]) -> None:
    with pytest.raises(ValueError, match="empty vocabulary; perhaps the documents only contain stop words"):
        TfidfVectorizer(stop_words="english").fit(documents)
    assert CountVectorizer(vocabulary=["word"]).transform(documents).shape == (len(documents), 1)


def test_a_document_of_ten_megabytes() -> None:
    words = [f"word{i % 5000} Größe" for i in range(700_000)]
    document = " ".join(words)
    assert len(document) > 10_000_000
    vectorizer = CountVectorizer(dtype=np.int64)
    X = vectorizer.fit_transform([document, "word1", "word2 word3"])
    assert X[0, vectorizer.vocabulary_["größe"]] == 700_000
    assert X[0, vectorizer.vocabulary_["word17"]] == 140
    assert X.shape == (3, 5001)
    long_token = "x" * 10_000_000
    assert CountVectorizer().fit([long_token]).get_feature_names_out().tolist() == [long_token]


def test_callables_are_honoured() -> None:
    cases: list[dict[str, Any]] = [
        {"preprocessor": str.upper},
        {"tokenizer": str.split, "token_pattern": None, "ngram_range": (1, 2)},
        {"analyzer": str.split},
        {"strip_accents": lambda text: text.replace("ö", "oe")},
        {"token_pattern": r"(\w)\w+"},
        {"stop_words": ["cat", "the"], "tokenizer": lambda text: text.split(" "), "token_pattern": None},
    ]
    for options in cases:
        assert counted(CountVectorizer(**options, dtype=np.int64), TEXTS) == counted(
            sklearn_text.CountVectorizer(**options), TEXTS
        )
    tokens = [["a b", "c"], ["a", "b c", "a b"]]
    pretokenized = CountVectorizer(analyzer=lambda document: document).fit(tokens)
    assert pretokenized.get_feature_names_out().tolist() == ["a", "a b", "b c", "c"]
    with pytest.raises(TypeError, match="must yield str; got 1 of type int in document 1"):
        CountVectorizer(analyzer=lambda document: document).fit([["a"], [1]])


def test_overridden_builders_are_honoured() -> None:
    class Stemming(CountVectorizer):
        def build_analyzer(self) -> Any:
            analyze = super().build_analyzer()
            return lambda document: [word[:3] for word in analyze(document)]

    assert Stemming().fit(["running runner"]).get_feature_names_out().tolist() == ["run"]


def test_stop_words_warn_as_in_scikit_learn() -> None:
    for make in (CountVectorizer, sklearn_text.CountVectorizer):
        with pytest.warns(UserWarning, match=r"inconsistent with your preprocessing.*\['isn'\]"):
            make(stop_words=["isn't"]).fit(TEXTS)


def test_chinese_is_segmented() -> None:
    pytest.importorskip("rjieba")
    texts = ["我买了iPhone 15手机，深度学习很好", "深度学习 deep learning 模型", "这个手机不好\ud800用", ""]
    ours = CountVectorizer(language="zh", dtype=np.int64)
    theirs = sklearn_text.CountVectorizer()
    expected = theirs.fit_transform([segment(text) for text in texts])
    assert ours.fit_transform(texts).toarray().tolist() == expected.toarray().tolist()
    assert ours.vocabulary_ == theirs.vocabulary_
    assert {"深度", "学习", "iphone", "deep", "手机"} <= set(ours.vocabulary_)
    chars = CountVectorizer(language="zh", analyzer="char").fit(texts[:1])
    assert chars.get_feature_names_out()[-1] == "，"


def test_chinese_corpus_is_the_same_on_any_thread_count(
    load_rows: Callable[..., list[dict[str, Any]]],
) -> None:
    pytest.importorskip("rjieba")
    texts = [row["text"] for row in load_rows("online_shopping_zh", limit=400)]
    results = {
        bits(TfidfVectorizer(language="zh", stop_words="auto", n_threads=n).fit_transform(texts))
        for n in (1, 2, 7)
    }
    assert len(results) == 1


def test_stop_word_lists() -> None:
    english = CountVectorizer(stop_words="auto").get_stop_words()
    assert english == frozenset(sklearn_text.ENGLISH_STOP_WORDS)
    chinese = CountVectorizer(stop_words="chinese", language="zh").get_stop_words()
    both = CountVectorizer(stop_words="auto", language="zh").get_stop_words()
    assert chinese is not None
    assert {"的", "我们", "因为", "已经"} <= chinese
    assert both == chinese | frozenset(sklearn_text.ENGLISH_STOP_WORDS)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"(?u)\b\w\w+\b", 2),
        (r"\b\w+\b", 1),
        (r"\w{5,}", 5),
        (r"\w{0,}", None),
        (r"\w\w", None),
        (r"(\w+)", None),
        (r"\S+", None),
        (None, None),
    ],
)
def test_patterns_with_a_compiled_form(pattern: str | None, expected: int | None) -> None:
    assert min_token_chars(pattern) == expected


@pytest.mark.parametrize("make", [CountVectorizer, TfidfVectorizer, HashingVectorizer])
def test_an_array_without_a_length_is_no_documents(make: Any) -> None:
    with pytest.raises(TypeError, match=r"raw_documents must be an iterable of documents; got array\('abc'"):
        make().fit_transform(np.array("abc"))


@pytest.mark.parametrize("make", [CountVectorizer, TfidfVectorizer, HashingVectorizer])
def test_tables_and_single_things_are_no_documents(make: Any) -> None:
    """The columns' names of a table would be taken for its documents."""
    pd, pl, pa = (pytest.importorskip(name) for name in ("pandas", "polars", "pyarrow"))
    columns = {"text": ["a cat sat", "a dog"]}
    for table in (pd.DataFrame(columns), pl.DataFrame(columns), pa.table(columns), np.array([["a cat"]])):
        with pytest.raises(TypeError, match=r"must be one column of documents; got a \w+ of shape \("):
            make().fit_transform(table)
    with pytest.raises(TypeError, match="raw_documents must be an iterable of documents; got None"):
        make().fit_transform(None)
