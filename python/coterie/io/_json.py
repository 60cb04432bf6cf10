"""How deep JSON is nested, found without recursion, so that hostile input is refused before it is parsed."""

from __future__ import annotations

import re

MAX_JSON_DEPTH = 200

_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)  # possessive: no memory for ways back
_BRACKET = re.compile(r"[\[\]{}]")


def is_deeper_than(text: str, limit: int) -> bool:
    """Tell whether the brackets of ``text`` outside of strings are open more than ``limit`` deep anywhere."""
    if text.count("[") + text.count("{") <= limit:
        return False
    depth = 0
    for bracket in _BRACKET.finditer(_STRING.sub("", text)):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > limit:
            return True
    return False
