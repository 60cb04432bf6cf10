"""The journey over corpora larger than memory, and what a journey will take before it is made."""

from coterie.outofcore.cluster_files import FilesResult, cluster_files, work_folder_of

__all__ = ["FilesResult", "cluster_files", "work_folder_of"]
