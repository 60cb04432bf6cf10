"""Documents come from anywhere: what of their text is safe and useful to show on one line."""

from __future__ import annotations

import re

# Control characters, lone surrogates (not encodable), and the marks that reorder or hide text around them.
_UNSHOWABLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff]"
)
_WHITE_SPACE = re.compile(r"\s+")
_LOOK_AHEAD = 4  # white space collapses; looking at four times the wanted length is enough for real text


def excerpt(text: str, length: int) -> str:
    """Return the beginning of ``text`` on one line, at most ``length`` characters, every character printable.

    Runs of white space become one space; characters that could steer a terminal, reorder the line or fail to encode
    become U+FFFD. Nothing is escaped here: HTML and terminal markup are escaped where they are written.

    Parameters
    ----------
    text : str
    length : int
        At least 1; a longer text ends in an ellipsis.

    Returns
    -------
    str

    Examples
    --------
    >>> excerpt("two   words\\n", 20)
    'two words'
    >>> excerpt("one sentence too many", 12)
    'one sentenc…'
    """
    head = text[: length * _LOOK_AHEAD + 1]
    shown = _UNSHOWABLE.sub("\ufffd", _WHITE_SPACE.sub(" ", head)).strip()
    if len(shown) <= length and len(head) == len(text):
        return shown
    return shown[: length - 1].rstrip() + "…"
