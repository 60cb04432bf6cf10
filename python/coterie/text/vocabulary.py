"""Vocabularies as text files that people can read and edit: one term on each line."""

from __future__ import annotations

import os
from typing import Any

from coterie.io import atomic_write


def write_vocabulary(terms: Any, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    r"""Write the terms of a vectorizer, or any terms, as UTF-8 text with one term on each line.

    Parameters
    ----------
    terms : fitted vectorizer or iterable of str
        A vectorizer's terms are written in column order, each followed by a tab and its document frequency, for the
        reader's eye.
    path : path
        Written completely or not at all.
    overwrite : bool, default=False
        Whether a file that is there may be replaced.

    Raises
    ------
    FileExistsError
        When there is a file already.
    ValueError
        For a term that a line cannot hold: empty, with a tab or a line break, or with space around it.
    TypeError
        For one str instead of several, or a term that is not a str.

    See Also
    --------
    read_vocabulary

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from coterie import CountVectorizer
    >>> vectorizer = CountVectorizer().fit(["red fish", "blue fish"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "terms.txt")
    ...     write_vocabulary(vectorizer, path)
    ...     path.read_text().splitlines()
    ['blue\t1', 'fish\t2', 'red\t1']
    """
    if isinstance(terms, str | bytes):
        raise TypeError(f"terms must be a vectorizer or several str; got one {type(terms).__name__}")
    if hasattr(terms, "get_feature_names_out"):
        frequencies = terms.document_frequency_.tolist()
        names = terms.get_feature_names_out().tolist()
        lines = [
            f"{_checked(name)}\t{frequency}\n" for name, frequency in zip(names, frequencies, strict=True)
        ]
    else:
        lines = [f"{_checked(term)}\n" for term in terms]
    with (
        atomic_write(path, overwrite=overwrite) as temporary,
        open(temporary, "w", encoding="utf-8", newline="\n") as file,
    ):
        file.writelines(lines)


def read_vocabulary(path: str | os.PathLike[str]) -> list[str]:
    r"""Read terms, one on each line; what follows a tab and lines without a term are skipped.

    Parameters
    ----------
    path : path
        UTF-8 text.

    Returns
    -------
    list of str
        In the order of the lines: as ``vocabulary`` of a vectorizer, the order of the columns.

    Raises
    ------
    ValueError
        For no terms, a term that occurs twice (both lines are named), or bytes that are not UTF-8.
    OSError
        When the file cannot be read.

    See Also
    --------
    write_vocabulary

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from coterie import CountVectorizer
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "terms.txt")
    ...     _ = path.write_text("fish\t2\nred\n")
    ...     terms = read_vocabulary(path)
    >>> CountVectorizer(vocabulary=terms).transform(["red fish fish"]).toarray().tolist()
    [[2.0, 1.0]]
    """
    seen: dict[str, int] = {}
    try:
        with open(path, encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, start=1):
                term = line.rstrip("\r\n").split("\t", 1)[0].strip()
                if not term:
                    continue
                if term in seen:
                    raise ValueError(f"{os.fspath(path)}:{number}: {term!r} is already on line {seen[term]}")
                seen[term] = number
    except UnicodeDecodeError as error:
        raise ValueError(f"{os.fspath(path)} is not UTF-8: {error.reason} at byte {error.start}") from None
    if not seen:
        raise ValueError(f"{os.fspath(path)} must have one term on each line; it has none")
    return list(seen)


def _checked(term: Any) -> str:
    if not isinstance(term, str):
        raise TypeError(f"terms must be str; got {term!r} of type {type(term).__name__}")
    if not term or term != term.strip() or any(c in term for c in "\t\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"):
        raise ValueError(f"terms must fit on lines of a file, without space around them; got {term!r}")
    return term
