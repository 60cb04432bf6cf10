"""The journey over corpora larger than memory, and what a journey will take before it is made."""

from coterie.outofcore._cluster_files import FilesResult, cluster_files, work_folder_of
from coterie.outofcore._estimate import Estimate, estimate

__all__ = ["Estimate", "FilesResult", "cluster_files", "estimate", "work_folder_of"]
