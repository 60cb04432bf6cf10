"""Encoding texts by one transformer, MiniLM: coterie beside the configurations of sentence-transformers."""
