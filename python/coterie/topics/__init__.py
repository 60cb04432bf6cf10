"""What clusters are about: their terms, the documents that stand for them, and why a text is in one."""

from coterie.topics.class_tfidf import class_tfidf, top_terms
from coterie.topics.dirichlet_mixture import DirichletMixture
from coterie.topics.explain import Explanation, explain_assignment
from coterie.topics.latent_dirichlet_allocation import LatentDirichletAllocation
from coterie.topics.representatives import representatives

__all__ = [
    "DirichletMixture",
    "Explanation",
    "LatentDirichletAllocation",
    "class_tfidf",
    "explain_assignment",
    "representatives",
    "top_terms",
]
