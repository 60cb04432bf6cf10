"""A corpus on disk."""

import pytest
from outofcore_corpora import documents, write


@pytest.fixture
def corpus(tmp_path):
    return write(tmp_path / "documents.jsonl", documents())
