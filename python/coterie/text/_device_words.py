"""Whether a device finds, counts and weighs the terms of documents."""

from __future__ import annotations

from coterie import _core
from coterie._device import check_device, open_device
from coterie.text._analysis import Plan


def device_terms(device: object, plan: Plan, counter: _core.TermCounter) -> _core.DeviceTermCounter | None:
    """Return what counts on ``device``, or None for the CPU; refuse an analysis that a device does not do."""
    wanted = check_device(device)
    if wanted == "cpu":
        return None
    if not (plan.native and plan.analyzer == "word"):
        if wanted == "auto":
            return None
        raise ValueError(
            f"device={wanted!r} counts words and their n-grams: analyzer must be 'word', and tokenizer, preprocessor,"
            " strip_accents and token_pattern what compiled code does; device='cpu' does the others"
        )
    opened = open_device(wanted)
    return None if opened is None else _core.DeviceTermCounter(opened, counter)
