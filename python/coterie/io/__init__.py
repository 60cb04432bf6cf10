"""Reading texts from files and writing results so that no half file is ever left."""

from coterie.io._batches import Corpus, TextBatch
from coterie.io._mixtures import write_mixtures
from coterie.io._read import FORMATS, read_corpus, read_texts
from coterie.io._results import write_assignments, write_clusters, write_metrics
from coterie.io._write import OutputFolder, atomic_write

__all__ = [
    "FORMATS",
    "Corpus",
    "OutputFolder",
    "TextBatch",
    "atomic_write",
    "read_corpus",
    "read_texts",
    "write_assignments",
    "write_clusters",
    "write_metrics",
    "write_mixtures",
]
