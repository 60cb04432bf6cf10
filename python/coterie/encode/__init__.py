"""Encoders: texts to rows of numbers, behind scikit-learn's interface for transformers."""

from coterie._device import DeviceRows
from coterie.encode.cooccurrence import CooccurrenceEncoder
from coterie.encode.corpus import EncodedCorpus, encode_corpus
from coterie.encode.export import export_onnx
from coterie.encode.factory import ENCODERS, make_encoder
from coterie.encode.lsa import LsaEncoder
from coterie.encode.onnx_encoder import EncodingStatistics, OnnxEncoder
from coterie.encode.static_encoder import StaticEncoder

__all__ = [
    "ENCODERS",
    "CooccurrenceEncoder",
    "DeviceRows",
    "EncodedCorpus",
    "EncodingStatistics",
    "LsaEncoder",
    "OnnxEncoder",
    "StaticEncoder",
    "encode_corpus",
    "export_onnx",
    "make_encoder",
]
