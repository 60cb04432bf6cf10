"""Whether a device finds and counts the words of documents."""

from __future__ import annotations

from coterie import _core
from coterie._device import check_device, open_device
from coterie.text._analysis import Plan


def device_words(device: object, plan: Plan) -> _core.DeviceWordCounter | None:
    """Return what counts on ``device``, or None for the CPU; refuse an analysis that a device does not do."""
    wanted = check_device(device)
    if wanted == "cpu":
        return None
    single_words = (
        plan.native
        and plan.analyzer == "word"
        and plan.ngram_range == (1, 1)
        and plan.strip_accents == "none"
    )
    if not single_words:
        if wanted == "auto":
            return None
        raise ValueError(
            f"device={wanted!r} counts single words: analyzer must be 'word', ngram_range (1, 1), strip_accents None, "
            "and tokenizer, preprocessor and token_pattern what compiled code does; device='cpu' does the others"
        )
    opened = open_device(wanted)
    if opened is None:
        return None
    return _core.DeviceWordCounter(opened, plan.min_token_chars, plan.lowercase)
