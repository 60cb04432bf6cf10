"""Short names of clusters and topics: their first terms, one form of each word."""

from __future__ import annotations

from collections.abc import Iterable

# Letters that two forms of a word have in common at least: "new" and "news" are two words.
_SHARED = 4
# Most letters after these in the shorter and in the longer form, as in "part-y" and "part-ies".
_ENDINGS = (1, 3)


def name_terms(terms: Iterable[str], n_terms: int) -> list[str]:
    """Return the first ``n_terms`` terms that are no other form of one before them.

    Two terms are forms of one word when they share their first letters, at least four, and differ only in letters
    after these: at most one in the shorter and three in the longer term. No language is assumed, and numbers are never
    forms of each other. Where forms are all there is, fewer terms are returned.

    Examples
    --------
    >>> name_terms(["file", "files", "open", "write"], 3)
    ['file', 'open', 'write']
    """
    chosen: list[str] = []
    for term in terms:
        if len(chosen) == n_terms:
            break
        if not any(_are_forms(term, other) for other in chosen):
            chosen.append(term)
    return chosen


def _are_forms(term: str, other: str) -> bool:
    shorter, longer = sorted((term, other), key=len)
    shared = 0
    while shared < len(shorter) and shorter[shared] == longer[shared]:
        shared += 1
    endings = shorter[shared:], longer[shared:]
    fits = all(len(ending) <= most for ending, most in zip(endings, _ENDINGS, strict=True))
    return shared >= _SHARED and fits and (term == other or "".join(endings).isalpha())
