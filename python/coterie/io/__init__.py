"""Reading texts from files and writing results so that no half file is ever left."""

from coterie.io._batches import Corpus, TextBatch
from coterie.io._read import FORMATS, read_corpus, read_texts

__all__ = ["FORMATS", "Corpus", "TextBatch", "read_corpus", "read_texts"]
