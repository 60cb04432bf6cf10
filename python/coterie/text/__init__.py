"""Texts to sparse matrices: scikit-learn's vectorizers, in compiled code on all cores."""

from coterie.text._count import CountVectorizer
from coterie.text._hashing import HashingVectorizer
from coterie.text._stop_words import CHINESE_STOP_WORDS
from coterie.text._tfidf import TfidfTransformer, TfidfVectorizer
from coterie.text.vocabulary import read_vocabulary, write_vocabulary

__all__ = [
    "CHINESE_STOP_WORDS",
    "CountVectorizer",
    "HashingVectorizer",
    "TfidfTransformer",
    "TfidfVectorizer",
    "read_vocabulary",
    "write_vocabulary",
]
