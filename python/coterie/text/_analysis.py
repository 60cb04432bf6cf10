"""What a vectorizer's parameters ask of the analysis, and who does it: compiled code or Python callables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from numbers import Integral
from types import ModuleType
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, HashingVectorizer
from sklearn.utils._param_validation import Interval, StrOptions

from coterie import _core
from coterie._validation import require_extra
from coterie.text._documents import document_batches, flatten_features
from coterie.text._stop_words import CHINESE_STOP_WORDS

# The base of scikit-learn's vectorizers with build_analyzer and its parts; it has no public name.
VectorizerMixin: Any = HashingVectorizer.__mro__[
    [c.__name__ for c in HashingVectorizer.__mro__].index("_VectorizerMixin")
]

TEXT_CONSTRAINTS: dict[str, Any] = {
    "stop_words": [StrOptions({"english", "chinese", "auto"}), list, None],
    "language": [StrOptions({"en", "zh"})],
    "n_threads": [Interval(Integral, 1, None, closed="left"), None],
}
_ANALYSIS_METHODS = ("build_analyzer", "build_preprocessor", "build_tokenizer", "decode")
_PYTHON_BATCH = 1024
_SURROGATES = re.compile("([\ud800-\udfff]+)")


@dataclass(frozen=True)
class Plan:
    """How documents are analysed; ``native`` is False where a Python callable or pattern has to do it."""

    native: bool
    analyzer: str = "word"
    ngram_range: tuple[int, int] = (1, 1)
    min_token_chars: int = 2
    lowercase: bool = False
    strip_accents: str = "none"
    stop_words: tuple[str, ...] = ()

    @property
    def joined(self) -> bool:
        """Whether a term with spaces is an n-gram of tokens, which the compiled code counts by ids."""
        return self.native and self.analyzer == "word" and self.ngram_range[1] > 1


def min_token_chars(pattern: str | None) -> int | None:
    r"""Return n where ``pattern`` matches the runs of at least n word characters, None for any other pattern.

    >>> min_token_chars(r"(?u)\b\w\w+\b"), min_token_chars(r"\w+"), min_token_chars("[a-z]+")
    (2, 1, None)
    """
    if pattern is None:
        return None
    match = re.fullmatch(r"(?:\(\?u\))?(?:\\b)?(?:((?:\\w)+)\+|\\w\{(\d{1,3}),\})(?:\\b)?", pattern)
    if match is None:
        return None
    n = len(match[1]) // 2 if match[1] else int(match[2])
    return n if n >= 1 else None


def _check_token_pattern(pattern: Any) -> None:
    try:
        re.compile(pattern)
    except (TypeError, re.error) as error:
        wanted = "a regular expression where analyzer='word' and tokenizer=None"
        raise ValueError(f"token_pattern must be {wanted}; got {pattern!r} ({error})") from None


class AnalysisMixin:
    """Analysis shared by the vectorizers: stop words, languages, and batches of analysed documents."""

    def get_stop_words(self) -> frozenset[str] | None:
        """Return the effective stop words, or None."""
        return stop_word_set(self.stop_words, self.language)  # type: ignore[attr-defined]

    def decode(self, doc: Any) -> Any:
        """Return the document as str: read, decoded, and for ``language="zh"`` with spaces between words."""
        text = super().decode(doc)  # type: ignore[misc]
        p: Any = self
        segmented = p.language == "zh" and p.analyzer == "word" and isinstance(text, str)
        return segment(text) if segmented else text

    def _validate_ngram_range(self) -> None:
        given: tuple[Any, ...] = self.ngram_range  # type: ignore[attr-defined]
        if len(given) != 2 or not all(isinstance(n, Integral) for n in given):
            raise ValueError(f"ngram_range must be two integers, (min_n, max_n); got {given!r}")
        super()._validate_ngram_range()  # type: ignore[misc]

    def _plan(self) -> Plan:
        p: Any = self
        if p.analyzer == "word" and p.tokenizer is None:
            _check_token_pattern(p.token_pattern)
        parts_are_ours = all(
            getattr(type(self), name) is getattr(AnalysisMixin, name, getattr(VectorizerMixin, name))
            for name in _ANALYSIS_METHODS
        )
        n_chars = min_token_chars(p.token_pattern) if p.analyzer == "word" else 1
        native = (
            parts_are_ours
            and isinstance(p.analyzer, str)
            and p.preprocessor is None
            and (p.tokenizer is None or p.analyzer != "word")
            and not callable(p.strip_accents)
            and n_chars is not None
            and int(p.ngram_range[0]) >= 1
        )
        if not native:
            return Plan(native=False)
        stop_words = self.get_stop_words() if p.analyzer == "word" else None
        p.build_analyzer()  # warns of stop words that the analysis would not produce
        return Plan(
            native=True,
            analyzer=p.analyzer,
            ngram_range=(int(p.ngram_range[0]), int(p.ngram_range[1])),
            min_token_chars=int(n_chars or 1),
            lowercase=bool(p.lowercase),
            strip_accents=p.strip_accents or "none",
            stop_words=tuple(sorted(stop_words or ())),
        )

    def _analysed_batches(self, plan: Plan, raw_documents: Any) -> Iterator[tuple[Any, Any]]:
        """Yield (documents, None) for the compiled analysis, or (features, offsets) of analysed documents."""
        p: Any = self
        segmented = p.language == "zh" and p.analyzer == "word"
        plain = plan.native and p.input == "content"
        row = 0
        for batch in document_batches(raw_documents, nested=plain, arrow=plain and not segmented):
            if isinstance(batch, list):
                row += len(batch[0]) - 1
                yield batch, None
            elif plain and not segmented and batch.first_not_str == len(batch):
                row += len(batch)
                yield batch, None
            else:
                for part in _parts(batch):
                    yield self._analysed_in_python(plan, part, row)
                    row += len(part)

    def _analysed_in_python(self, plan: Plan, documents: tuple[Any, ...], row: int) -> tuple[Any, Any]:
        if plan.native:
            return tuple(self._decoded(doc, row + i) for i, doc in enumerate(documents)), None
        analyze = self.build_analyzer()  # type: ignore[attr-defined]
        return flatten_features((self._noting(analyze, doc, row + i) for i, doc in enumerate(documents)), row)

    def _decoded(self, doc: Any, row: int) -> str:
        text = self._noting(self.decode, doc, row)
        if isinstance(text, str):
            return text
        kind = type(text).__name__
        if self.lowercase:  # type: ignore[attr-defined]
            raise AttributeError(
                f"document {row} must be str or bytes: '{kind}' object has no attribute 'lower'"
            )
        raise TypeError(f"document {row} must be str or bytes; got {text!r} of type {kind}")

    @staticmethod
    def _noting(function: Any, doc: Any, row: int) -> Any:
        if doc is np.nan:
            raise ValueError(
                f"document {row}: np.nan is an invalid document, expected byte or unicode string."
            )
        try:
            return function(doc)
        except Exception as error:
            error.add_note(f"while analysing document {row}")
            raise


def _parts(batch: _core.Strings) -> Iterator[tuple[Any, ...]]:
    for begin in range(0, len(batch), _PYTHON_BATCH):
        yield tuple(batch[i] for i in range(begin, min(begin + _PYTHON_BATCH, len(batch))))


def stop_word_set(stop_words: Any, language: str) -> frozenset[str] | None:
    """Resolve the ``stop_words`` parameter."""
    if stop_words is None:
        return None
    if stop_words == "auto":
        english = frozenset(ENGLISH_STOP_WORDS)
        return CHINESE_STOP_WORDS | english if language == "zh" else english
    if stop_words == "english":
        return frozenset(ENGLISH_STOP_WORDS)
    if stop_words == "chinese":
        return CHINESE_STOP_WORDS
    if isinstance(stop_words, str):
        raise ValueError(f"not a built-in stop list: {stop_words}")
    for word in stop_words:
        if not isinstance(word, str):
            raise TypeError(f"stop_words must hold str; got {word!r} of type {type(word).__name__}")
    return frozenset(stop_words)


@cache
def _rjieba() -> ModuleType:
    return require_extra("rjieba", "zh")


def segment(text: str) -> str:
    """Return ``text`` with spaces between its words, Chinese words found by rjieba.

    The segmentation depends on the text alone. Lone surrogates, which rjieba does not take, stand alone.
    """
    cut = _rjieba().cut
    if _SURROGATES.search(text) is None:
        return " ".join(cut(text))
    parts = _SURROGATES.split(text)
    return " ".join(part if i % 2 else " ".join(cut(part)) for i, part in enumerate(parts))
