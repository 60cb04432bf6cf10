"""What every reader is told."""

from __future__ import annotations

from dataclasses import dataclass

BATCH_BYTES = 64 << 20  # a batch is cut when it holds this much text, whatever batch_size says


@dataclass(frozen=True)
class ReadOptions:
    text_field: str | None
    batch_size: int
    encoding_errors: str
    max_document_bytes: int
