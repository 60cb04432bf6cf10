"""Which encoder a short name on the command line stands for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from coterie._validation import check_n_threads, check_option


@dataclass(frozen=True)
class _Request:
    """What was asked for: the part after the colon, and the arguments of :func:`make_encoder`."""

    argument: str
    language: str
    random_state: Any
    n_threads: int | None


def _tfidf(request: _Request) -> Any:
    from coterie.text import TfidfVectorizer

    return TfidfVectorizer(stop_words="auto", language=request.language, n_threads=request.n_threads)


def _lsa(request: _Request) -> Any:
    from coterie.encode.lsa import LsaEncoder

    return LsaEncoder(
        language=request.language, random_state=request.random_state, n_threads=request.n_threads
    )


def _cooccurrence(request: _Request) -> Any:
    from coterie.encode.cooccurrence import CooccurrenceEncoder

    return CooccurrenceEncoder(
        language=request.language, random_state=request.random_state, n_threads=request.n_threads
    )


def _onnx(request: _Request) -> Any:
    from coterie.encode.onnx_encoder import OnnxEncoder

    return OnnxEncoder(request.argument, n_threads=request.n_threads)


def _static(request: _Request) -> Any:
    from coterie.encode.static_encoder import StaticEncoder

    return StaticEncoder(request.argument, language=request.language, n_threads=request.n_threads)


# name: (what follows it after a colon, or "" for nothing; who makes the encoder)
_MAKERS: dict[str, tuple[str, Callable[[_Request], Any]]] = {
    "tfidf": ("", _tfidf),
    "lsa": ("", _lsa),
    "cooccurrence": ("", _cooccurrence),
    "onnx": ("DIR", _onnx),
    "static": ("FILE", _static),
}
ENCODERS = tuple(f"{name}:{argument}" if argument else name for name, (argument, _) in _MAKERS.items())


def make_encoder(
    spec: str, *, language: str = "en", random_state: Any = 0, n_threads: int | None = None
) -> Any:
    """Return the encoder that a short name stands for, not yet fitted.

    Parameters
    ----------
    spec : str
        One of ``coterie.encode.ENCODERS``: ``"tfidf"`` is :class:`coterie.TfidfVectorizer` with the
        language's stop words left out, ``"lsa"`` :class:`coterie.encode.LsaEncoder`, ``"cooccurrence"``
        :class:`coterie.encode.CooccurrenceEncoder`, ``"onnx:DIR"`` :class:`coterie.encode.OnnxEncoder` on that
        folder, ``"static:FILE"`` :class:`coterie.encode.StaticEncoder` on that file or folder.
    language : {"en", "zh"}, default="en"
        How texts are split into words, where the encoder does that.
    random_state : int, RandomState or None, default=0
        The seed of encoders that draw random numbers.
    n_threads : int or None, default=None
        Threads to use; None means all cores this process may use.

    Returns
    -------
    estimator
        A transformer of scikit-learn's kind: ``fit(texts)``, ``transform(texts)`` to an array or CSR matrix of
        shape (n_texts, n_features), ``get_feature_names_out()``.

    Raises
    ------
    ValueError
        If ``spec`` is none of the names, lacks the part after the colon, or has one it does not take; for an
        unknown ``language``.
    TypeError
        If ``spec`` is not a str.
    ModuleNotFoundError
        If the encoder needs an extra that is not installed.

    Examples
    --------
    >>> from coterie.encode import make_encoder
    >>> make_encoder("tfidf").fit_transform(["one fish", "two fish"]).shape
    (2, 1)
    >>> make_encoder("word2vec")
    Traceback (most recent call last):
    ValueError: spec must be one of ...; got 'word2vec'
    """
    name, argument = split_spec("spec", spec)
    check_option("language", language, ("en", "zh"))
    check_n_threads(n_threads)
    _, maker = _MAKERS[name]
    return maker(_Request(argument, language, random_state, n_threads))


def split_spec(parameter: str, spec: object) -> tuple[str, str]:
    """Return the name and what follows its colon, or raise what is wrong with ``parameter``."""
    if not isinstance(spec, str):
        raise TypeError(f"{parameter} must be a str; got {spec!r} of type {type(spec).__name__}")
    name, colon, argument = spec.partition(":")
    if name not in _MAKERS:
        raise ValueError(f"{parameter} must be one of {', '.join(ENCODERS)}; got {spec!r}")
    wanted, _ = _MAKERS[name]
    if bool(wanted) != bool(argument) or (colon and not argument):
        form = f"{name}:{wanted}" if wanted else name
        raise ValueError(f"{parameter} must have the form {form}; got {spec!r}")
    return name, argument
