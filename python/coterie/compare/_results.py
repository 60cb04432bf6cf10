"""What a comparison found."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class ComparisonRun:
    """One encoder with one clusterer, once for each seed.

    Attributes
    ----------
    encoder, clusterer : str
        The names.
    seeds : list of int
        One for each run; fewer than asked for where the clusterer draws no random numbers.
    n_clusters : list of int
        How many clusters each run made.
    scores : dict of str to list of float
        The scores of :func:`coterie.cluster_texts`, a value for each run; a score that is not defined for every run
        is absent. Silhouettes are measured between the encoder's own rows: they do not compare between encoders.
    seconds : dict of str to list of float
        ``"encode"`` (one value: the encoder ran once), ``"cluster"`` and ``"evaluate"`` for each run.
    cpu_seconds : dict of str to list of float
        Those of all threads together, with the keys of ``seconds``: what does not depend on what else is running.
    peak_memory : dict of str to int
        Bytes of resident memory at most, of the process that did ``"encode"`` and of the one that did ``"cluster"``,
        each with the interpreter and the libraries that it loads.
    n_features : int
        Terms or dimensions of the rows.
    error : str or None
        Why there are no scores.
    """

    encoder: str
    clusterer: str
    seeds: list[int] = field(default_factory=list)
    n_clusters: list[int] = field(default_factory=list)
    scores: dict[str, list[float]] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    peak_memory: dict[str, int] = field(default_factory=dict)
    n_features: int = 0
    error: str | None = None
    cpu_seconds: dict[str, list[float]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Both names."""
        return f"{self.encoder} + {self.clusterer}"

    def mean(self, score: str) -> float | None:
        """Return the mean of a score over the runs, or None where it is absent.

        Parameters
        ----------
        score : str
            A key of ``scores``.

        Returns
        -------
        float or None
        """
        values = self.scores.get(score)
        return sum(values) / len(values) if values else None

    def mean_seconds(self, stage: str) -> float | None:
        """Return the mean seconds of a stage, or None where it did not run.

        Parameters
        ----------
        stage : str
            A key of ``seconds``.

        Returns
        -------
        float or None
        """
        values = self.seconds.get(stage)
        return sum(values) / len(values) if values else None


@dataclass(frozen=True)
class Comparison:
    """Every encoder with every clusterer on the same documents.

    Attributes
    ----------
    runs : list of ComparisonRun
        In the order of the encoders, and of the clusterers for each.
    n_documents : int
        How many documents each run clustered.
    n_classes : int or None
        How many different labels they have.
    parameters : dict of str to object
        The arguments of the call.
    machine : dict of str to object
        Processor, cores, versions: what the seconds depend on.
    """

    runs: list[ComparisonRun]
    n_documents: int
    n_classes: int | None
    parameters: dict[str, Any]
    machine: dict[str, Any]

    def ranked(self, score: str = "nmi") -> list[ComparisonRun]:
        """Return the runs by falling mean of a score, those without it last.

        Parameters
        ----------
        score : str, default="nmi"
            A key of ``scores``.

        Returns
        -------
        list of ComparisonRun
        """
        return sorted(self.runs, key=lambda run: (run.mean(score) is None, -(run.mean(score) or 0.0)))

    def as_record(self) -> dict[str, Any]:
        """Return everything as values that JSON has.

        Returns
        -------
        dict of str to object
        """
        return {"command": "compare", **asdict(self)}
