"""Line-based formats: JSON lines and plain lines."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any

from coterie.io._arrow import decode
from coterie.io._batches import TEXT_FIELD, RawBatch
from coterie.io._json import MAX_JSON_DEPTH, is_deeper_than
from coterie.io._options import BATCH_BYTES, ReadOptions
from coterie.io._streams import ByteStream, read_lines

MAX_FIELDS = 2000

_SURROGATE = re.compile("[\ud800-\udfff]")


def numbered_lines(stream: ByteStream, options: ReadOptions) -> Iterator[tuple[int, str]]:
    """Yield (line number from 1, decoded line without its ending) and check the encoding on the way."""
    head = stream.head(4)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ValueError(f"{stream.name} is UTF-16; UTF-8 is read: convert it, for example with iconv")
    for number, line in enumerate(read_lines(stream, options.max_document_bytes), start=1):
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        try:
            yield number, line.decode("utf-8")
        except UnicodeDecodeError:
            yield number, decode(line, options.encoding_errors, lambda: f"{stream.name}:{number}")  # noqa: B023


def read_plain_lines(stream: ByteStream, options: ReadOptions) -> Iterator[RawBatch]:
    r"""Each line is a document, an empty line an empty document; ``\n`` and ``\r\n`` end a line."""
    texts: list[str] = []
    held = 0
    first = 1

    def batch() -> RawBatch:
        start = first
        return RawBatch(
            stream.name, {TEXT_FIELD: texts}, len(texts), lambda row: f"{stream.name}:{start + row}"
        )

    for number, line in numbered_lines(stream, options):
        texts.append(line.removesuffix("\r"))
        held += len(line)
        if len(texts) >= options.batch_size or held >= BATCH_BYTES:
            yield batch()
            texts, held, first = [], 0, number + 1
    if texts:
        yield batch()


def read_json_lines(stream: ByteStream, options: ReadOptions) -> Iterator[RawBatch]:
    """Each line is a JSON object, or a JSON string (the document itself); empty lines hold no document."""
    if stream.head().removeprefix(codecs.BOM_UTF8).lstrip()[:1] == b"[":
        raise ValueError(
            f"{stream.name} holds one JSON array; one object per line is read: "
            "convert it, for example with jq -c '.[]'"
        )
    rows: list[dict[str, Any]] = []
    numbers: list[int] = []
    held = 0
    for number, line in numbered_lines(stream, options):
        if not line or line.isspace():
            continue
        value = parse_json_line(line, f"{stream.name}:{number}", options.encoding_errors)
        if not isinstance(value, dict):
            value = _bare_text(value, f"{stream.name}:{number}", options.text_field)
        rows.append(value)
        numbers.append(number)
        held += len(line)
        if len(rows) >= options.batch_size or held >= BATCH_BYTES:
            yield _batch_of_rows(stream.name, rows, numbers)
            rows, numbers, held = [], [], 0
    if rows:
        yield _batch_of_rows(stream.name, rows, numbers)


def parse_json_line(line: str, location: str, encoding_errors: str) -> Any:
    """Parse one line; damage, too deep nesting and lone surrogates are ValueErrors that name the line."""
    if is_deeper_than(line, MAX_JSON_DEPTH):
        raise ValueError(f"{location}: JSON nested more than {MAX_JSON_DEPTH} deep is not read")
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        problem = error.msg.removesuffix(" at")
        raise ValueError(f"{location}: not JSON: {problem} at column {error.pos + 1}") from None
    except ValueError as error:  # an integer of more digits than Python converts
        raise ValueError(f"{location}: {error}") from None
    if "\\ud" in line or "\\uD" in line:
        text = json.dumps(value, ensure_ascii=False)
        if _SURROGATE.search(text):
            if encoding_errors == "strict":
                raise ValueError(
                    f"{location}: a \\ud800-\\udfff escape without its other half is not a character; "
                    'encoding_errors="replace" reads it as U+FFFD'
                )
            value = json.loads(_SURROGATE.sub("\ufffd", text))
    return value


def _bare_text(value: Any, location: str, text_field: str | None) -> dict[str, Any]:
    if value is not None and not isinstance(value, str):
        raise ValueError(
            f"{location}: a JSON object or a JSON string is wanted on every line; got {str(value)[:80]}"
        )
    if text_field not in (None, TEXT_FIELD):
        raise ValueError(f"{location}: a bare JSON string has no field {text_field!r}")
    return {TEXT_FIELD: value}


def _batch_of_rows(source: str, rows: list[dict[str, Any]], numbers: list[int]) -> RawBatch:
    names = dict.fromkeys(name for row in rows for name in row)
    if len(names) > MAX_FIELDS:
        raise ValueError(
            f"{source}:{numbers[0]}-{numbers[-1]}: {len(names)} different fields; "
            f"at most {MAX_FIELDS} are read"
        )
    columns = {name: [row.get(name) for row in rows] for name in names}
    return RawBatch(source, columns, len(rows), lambda row: f"{source}:{numbers[row]}")
