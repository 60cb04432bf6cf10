"""The scores of a clustering, and why some are not among them."""

from __future__ import annotations


class Scores(dict[str, float]):
    """Scores by name: a dict of finite floats that also says which scores are not defined here.

    Attributes
    ----------
    omitted : dict of str to str
        The name of each score that is missing, and in one sentence why. A score without a value is never NaN.
    """

    def __init__(self, scores: dict[str, float] | None = None, omitted: dict[str, str] | None = None) -> None:
        super().__init__(scores or {})
        self.omitted: dict[str, str] = dict(omitted or {})
