"""What each score of a clustering means, for readers of the report and of the terminal."""

from __future__ import annotations

from dataclasses import dataclass

# name: (title, range and direction)
_MEANINGS = {
    "nmi": ("Normalised mutual information (NMI)", "0 to 1, higher is better; against the true labels"),
    "ari": ("Adjusted Rand index (ARI)", "-0.5 to 1, 0 by chance; against the true labels"),
    "homogeneity": ("Homogeneity", "0 to 1, 1 when no cluster mixes labels"),
    "completeness": ("Completeness", "0 to 1, 1 when no label is split over clusters"),
    "v_measure": ("V-measure", "0 to 1, harmonic mean of homogeneity and completeness"),
    "purity": ("Purity", "0 to 1, share of documents that carry their cluster's main label"),
    "pairwise_precision": ("Pairwise precision", "0 to 1, pairs in one cluster that share a label"),
    "pairwise_recall": ("Pairwise recall", "0 to 1, pairs with one label that share a cluster"),
    "pairwise_f1": ("Pairwise F1", "0 to 1, harmonic mean of the two above"),
    "matched_f1": ("Best-matching F1", "0 to 1, each label with its own best cluster"),
    "accuracy": ("Best-matching accuracy", "0 to 1, each label with its own best cluster"),
    "silhouette_simplified": (
        "Silhouette (simplified)",
        "-1 to 1, higher is better; from the centres, near 0 is usual for text",
    ),
    "silhouette_sampled": (
        "Silhouette (sampled)",
        "-1 to 1, higher is better; between documents",
    ),
    "davies_bouldin": ("Davies-Bouldin index", "0 or more, lower is better"),
    "calinski_harabasz": ("Calinski-Harabasz index", "0 or more, higher is better"),
    "n_noise": (
        "Documents that are noise",
        "in no cluster: numbered -1, left out of the scores from the data alone",
    ),
    "n_truncated": (
        "Documents that were cut",
        "the transformer read only their beginning; identical ones count once",
    ),
    "n_empty": ("Documents without a known term", "they are equally far from every cluster"),
}


@dataclass(frozen=True)
class Score:
    """One score with the words a reader needs: its name in full, its range and which way is better."""

    name: str
    title: str
    meaning: str
    value: float

    @property
    def shown(self) -> str:
        """The value as people read it: counts whole, scores to three places."""
        return f"{self.value:,.0f}" if self.name.startswith("n_") else f"{self.value:z,.3f}"


def describe_scores(metrics: dict[str, float]) -> list[Score]:
    """Return the scores in the order of ``metrics``, each with its full name and its meaning."""
    return [Score(name, *_describe(name), value) for name, value in metrics.items()]


def _describe(name: str) -> tuple[str, str]:
    return _MEANINGS.get(name, (name.replace("_", " ").capitalize(), ""))
