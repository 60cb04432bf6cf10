"""What clusters are about: their terms, the documents that stand for them, and why a text is in one."""

from coterie.topics.choose_n_topics import Estimate, TopicSearch, TopicTrial, choose_n_topics
from coterie.topics.class_tfidf import class_tfidf, top_terms
from coterie.topics.coherence import topic_coherence, topic_diversity
from coterie.topics.dirichlet_mixture import DirichletMixture
from coterie.topics.explain import Explanation, explain_assignment
from coterie.topics.find_topics import TopicResult, TopicSummary, find_topics
from coterie.topics.latent_dirichlet_allocation import LatentDirichletAllocation
from coterie.topics.over_time import TopicsOverTime, topics_over_time
from coterie.topics.representatives import representatives

__all__ = [
    "DirichletMixture",
    "Estimate",
    "Explanation",
    "LatentDirichletAllocation",
    "TopicResult",
    "TopicSearch",
    "TopicSummary",
    "TopicTrial",
    "TopicsOverTime",
    "choose_n_topics",
    "class_tfidf",
    "explain_assignment",
    "find_topics",
    "representatives",
    "top_terms",
    "topic_coherence",
    "topic_diversity",
    "topics_over_time",
]
