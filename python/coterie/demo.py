"""A labelled corpus that is on every machine coterie runs on: the docstrings of Python and of what coterie needs."""

from __future__ import annotations

import ast
import importlib.util
import sysconfig
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["DocstringCorpus", "collect_docstrings"]

STANDARD_LIBRARY = "python"
_PACKAGES = ("numpy", "scipy", "sklearn")
# Not documentation of a library: tests, generated tables, vendored packages, and what else lies beside the stdlib.
_SKIPPED_FOLDERS = {
    "_lib",
    "distutils",
    "f2py",
    "idlelib",
    "pydoc_data",
    "__pycache__",
    "_examples",
    "_vendor",
    "dist-packages",
    "encodings",
    "ensurepip",
    "externals",
    "idle_test",
    "lib2to3",
    "site-packages",
    "test",
    "tests",
    "turtledemo",
}
_SHORTEST = 80  # characters; shorter docstrings say little beyond the name
_SMALLEST_LABEL = 40  # subpackages with fewer docstrings carry the name of their package
_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class DocstringCorpus:
    """Docstrings with the names of what they document.

    Attributes
    ----------
    texts : list of str
        The docstrings, without indentation; each text occurs once.
    names : list of str
        Dotted names, such as ``"scipy.stats._qmc.Sobol"``, of the first thing documented by each text.
    labels : list of str
        Package and subpackage, such as ``"scipy.stats"``; the package alone where the subpackage is small. Modules of
        the standard library that are single files share ``"python"``.
    n_skipped : int
        Source files that could not be read or parsed.
    """

    texts: list[str]
    names: list[str]
    labels: list[str]
    n_skipped: int


def collect_docstrings(progress: Callable[[str, float], None] | None = None) -> DocstringCorpus:
    """Collect the docstrings of the standard library, numpy, scipy and scikit-learn from their source files.

    Nothing is imported or run: the packages are located by name and their files are parsed. Other installed packages
    make no difference. Private functions and classes, tests and docstrings of fewer than 80 characters are left out.

    Parameters
    ----------
    progress : callable of (str, float), optional
        Called with ``"read"`` and the share done, from 0 to 1, after every file.

    Returns
    -------
    DocstringCorpus
        In the order of packages, files (by path) and lines. A package that is not installed adds nothing.

    Examples
    --------
    >>> from coterie.demo import collect_docstrings
    >>> corpus = collect_docstrings()
    >>> "scipy.stats" in corpus.labels
    True
    """
    files = [(package, root, file) for package, root in _roots() for file in _source_files(root)]
    found: dict[str, tuple[str, str]] = {}
    n_skipped = 0
    for number, (package, root, file) in enumerate(files, 1):
        parts = [*file.relative_to(root).parts[:-1], file.stem]
        module = ".".join(([] if package == STANDARD_LIBRARY else [package]) + parts)
        label = ".".join([package, *parts[:-1]][:2])
        try:
            for name, text in _docstrings(file, module.removesuffix(".__init__")):
                found.setdefault(text, (name, label))
        except (OSError, SyntaxError, ValueError, RecursionError):
            n_skipped += 1
        if progress is not None:
            progress("read", number / len(files))
    sizes = Counter(label for _, label in found.values())
    return DocstringCorpus(
        texts=list(found),
        names=[name for name, _ in found.values()],
        labels=[
            label if sizes[label] >= _SMALLEST_LABEL else label.partition(".")[0]
            for _, label in found.values()
        ],
        n_skipped=n_skipped,
    )


def _roots() -> Iterator[tuple[str, Path]]:
    yield STANDARD_LIBRARY, Path(sysconfig.get_path("stdlib"))
    for package in _PACKAGES:
        spec = importlib.util.find_spec(package)  # a top-level name: located, not imported
        if spec is not None and spec.submodule_search_locations:
            yield package, Path(spec.submodule_search_locations[0])


def _source_files(root: Path) -> list[Path]:
    return sorted(
        file
        for file in root.rglob("*.py")
        if not _SKIPPED_FOLDERS.intersection(file.relative_to(root).parts[:-1])
    )


def _docstrings(file: Path, module: str) -> Iterator[tuple[str, str]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old escapes in other people's sources
        tree = ast.parse(file.read_bytes())
    pending: list[tuple[str, _Documented]] = [(module, tree)]
    while pending:
        name, node = pending.pop()
        text = ast.get_docstring(node)
        if text is not None and len(text) >= _SHORTEST:
            yield name, text
        if isinstance(node, ast.Module | ast.ClassDef):
            public = [
                child
                for child in node.body
                if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
                and not child.name.startswith("_")
            ]
            pending.extend((f"{name}.{child.name}", child) for child in reversed(public))
