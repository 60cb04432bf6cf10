"""An encoder and a linear classifier as one scikit-learn Pipeline."""

from __future__ import annotations

from typing import Any

from sklearn.pipeline import Pipeline

from coterie.classify.linear import LinearClassifier
from coterie.encode.factory import make_encoder, split_spec
from coterie.text import TfidfVectorizer


def make_classifier(
    encoder: Any = "tfidf",
    *,
    language: str = "en",
    random_state: Any = 0,
    n_threads: int | None = None,
    **options: Any,
) -> Pipeline:
    """Return a Pipeline that classifies texts, not yet fitted.

    Parameters
    ----------
    encoder : str or transformer, default="tfidf"
        A short name as for :func:`coterie.encode.make_encoder`, or any transformer from texts to rows. "tfidf" is
        :class:`coterie.TfidfVectorizer` with words and pairs of words that occur in at least two documents,
        sublinear counts and no stop words: what is common is left to the classifier to weigh.
    language : {"en", "zh"}, default="en"
        How texts are split into words, where ``encoder`` is a name.
    random_state : int, RandomState or None, default=0
        Seed of the encoder and of the classifier.
    n_threads : int, optional
        None means all cores.
    **options
        Parameters of :class:`coterie.classify.LinearClassifier`.

    Returns
    -------
    Pipeline
        With the steps ``"encoder"`` and ``"classifier"``.

    Raises
    ------
    ValueError, TypeError
        As :func:`coterie.encode.make_encoder` and, on fitting, :class:`coterie.classify.LinearClassifier`.

    Examples
    --------
    >>> from coterie.classify import make_classifier
    >>> texts = ["red apple", "sweet apple", "red cherry", "slow train", "fast train", "late train"]
    >>> classifier = make_classifier().fit(texts, ["fruit"] * 3 + ["travel"] * 3)
    >>> classifier.predict(["an apple", "a train"]).tolist()
    ['fruit', 'travel']
    """
    if isinstance(encoder, str) and encoder == "tfidf":
        encoder = TfidfVectorizer(
            language=language, sublinear_tf=True, ngram_range=(1, 2), min_df=2, n_threads=n_threads
        )
    elif isinstance(encoder, str):
        split_spec("encoder", encoder)
        encoder = make_encoder(encoder, language=language, random_state=random_state, n_threads=n_threads)
    classifier = LinearClassifier(random_state=random_state, **options)
    return Pipeline([("encoder", encoder), ("classifier", classifier)])
