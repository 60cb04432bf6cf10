"""What clusters are about: the terms that set them apart and the documents that stand for them."""

from coterie.topics.class_tfidf import class_tfidf, top_terms
from coterie.topics.representatives import representatives

__all__ = ["class_tfidf", "representatives", "top_terms"]
