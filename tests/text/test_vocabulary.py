"""Vocabularies as text files: written, edited, read, used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coterie import CountVectorizer, TfidfVectorizer
from coterie.text import read_vocabulary, write_vocabulary

TEXTS = ["red fish blue fish", "one fish, déjà vu", "鱼 fish red"]


@pytest.mark.parametrize("kind", [CountVectorizer, TfidfVectorizer])
def test_a_vocabulary_comes_back_and_counts_the_same(tmp_path: Path, kind) -> None:
    vectorizer = kind(ngram_range=(1, 2)).fit(TEXTS)
    write_vocabulary(vectorizer, tmp_path / "terms.txt")
    terms = read_vocabulary(tmp_path / "terms.txt")
    assert terms == vectorizer.get_feature_names_out().tolist()
    counted = CountVectorizer(ngram_range=(1, 2), vocabulary=terms).transform(TEXTS)
    assert (counted != CountVectorizer(ngram_range=(1, 2)).fit_transform(TEXTS)).nnz == 0


def test_edited_files_are_read(tmp_path: Path) -> None:
    file = tmp_path / "terms.txt"
    file.write_bytes("\ufefffish\t3\r\n\r\n  red \nblue fish\tseen twice\n".encode())
    assert read_vocabulary(file) == ["fish", "red", "blue fish"]


def test_bad_files_are_named(tmp_path: Path) -> None:
    file = tmp_path / "terms.txt"
    file.write_text("red\nfish\nred\t4\n")
    with pytest.raises(ValueError, match=re.escape(f"{file}:3: 'red' is already on line 1")):
        read_vocabulary(file)
    file.write_text("\n\t3\n")
    with pytest.raises(ValueError, match="it has none"):
        read_vocabulary(file)
    file.write_bytes(b"red\n\xff\n")
    with pytest.raises(ValueError, match="is not UTF-8: invalid start byte at byte 4"):
        read_vocabulary(file)
    with pytest.raises(FileNotFoundError):
        read_vocabulary(tmp_path / "no.txt")


@pytest.mark.parametrize("term", ["", " red", "red\tblue", "red\nblue", "red\u2028blue"])
def test_terms_that_no_line_holds_are_refused(tmp_path: Path, term: str) -> None:
    with pytest.raises(ValueError, match="must fit on lines"):
        write_vocabulary(["fish", term], tmp_path / "terms.txt")
    assert list(tmp_path.iterdir()) == []


def test_bad_arguments_are_named(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="got one str"):
        write_vocabulary("red", tmp_path / "terms.txt")
    with pytest.raises(TypeError, match="terms must be str; got 3 of type int"):
        write_vocabulary([3], tmp_path / "terms.txt")
    write_vocabulary(["red"], tmp_path / "terms.txt")
    with pytest.raises(FileExistsError):
        write_vocabulary(["blue"], tmp_path / "terms.txt")
    write_vocabulary(["blue"], tmp_path / "terms.txt", overwrite=True)
    assert read_vocabulary(tmp_path / "terms.txt") == ["blue"]


@given(
    st.lists(
        st.text(st.characters(codec="utf-8"), min_size=1, max_size=5), min_size=1, max_size=5, unique=True
    )
)
@settings(max_examples=100, deadline=None)
def test_what_is_written_is_what_is_read(tmp_path_factory, terms: list[str]) -> None:
    file = tmp_path_factory.mktemp("terms") / "terms.txt"
    try:
        write_vocabulary(terms, file)
    except ValueError:
        assert any(t != t.strip() or len(t.splitlines()) != 1 or "\t" in t for t in terms)
    else:
        assert read_vocabulary(file) == terms
