from coterie._version import __version__ as __version__
from coterie.auto import TextClusterer as TextClusterer
from coterie.cluster import EMAKMeans as EMAKMeans
from coterie.cluster import KMeans as KMeans
from coterie.cluster import MiniBatchKMeans as MiniBatchKMeans
from coterie.cluster import TwoLevelKMeans as TwoLevelKMeans
from coterie.encode import LsaEncoder as LsaEncoder
from coterie.journey import cluster_texts as cluster_texts

__all__: list[str]
from coterie.similarity import cosine_top_k as cosine_top_k
from coterie.similarity import jaccard_top_k as jaccard_top_k
from coterie.similarity import near_duplicates as near_duplicates
from coterie.text import CountVectorizer as CountVectorizer
from coterie.text import HashingVectorizer as HashingVectorizer
from coterie.text import TfidfTransformer as TfidfTransformer
from coterie.text import TfidfVectorizer as TfidfVectorizer
from coterie.topics import DirichletMixture as DirichletMixture
from coterie.topics import LatentDirichletAllocation as LatentDirichletAllocation
