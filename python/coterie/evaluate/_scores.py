"""The scores of a clustering, and why some are not among them."""

from __future__ import annotations


class Scores(dict[str, float]):
    """Scores by name: a dict of finite floats that also says which scores are not defined here.

    Parameters
    ----------
    scores : dict of str to float or None, default=None
        The scores there are.
    omitted : dict of str to str or None, default=None
        The reasons for those there are not.

    Attributes
    ----------
    omitted : dict of str to str
        The name of each score that is missing, and in one sentence why. A score without a value is never NaN.

    Examples
    --------
    >>> scores = Scores({"purity": 1.0}, {"silhouette": "there is one cluster only"})
    >>> scores["purity"], scores.omitted["silhouette"]
    (1.0, 'there is one cluster only')
    """

    def __init__(self, scores: dict[str, float] | None = None, omitted: dict[str, str] | None = None) -> None:
        super().__init__(scores or {})
        self.omitted: dict[str, str] = dict(omitted or {})
