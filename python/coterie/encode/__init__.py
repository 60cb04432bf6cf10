"""Encoders: texts to rows of numbers, behind scikit-learn's interface for transformers."""

from coterie.encode.factory import ENCODERS, make_encoder
from coterie.encode.lsa import LsaEncoder

__all__ = ["ENCODERS", "LsaEncoder", "make_encoder"]
