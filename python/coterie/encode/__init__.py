"""Encoders: texts to rows of numbers, behind scikit-learn's interface for transformers."""

from coterie.encode.factory import ENCODERS, make_encoder

__all__ = ["ENCODERS", "make_encoder"]
