"""Rules for pyproject.toml: nothing is asked for that nothing uses."""

from __future__ import annotations

import re
from typing import Any

# Where the module that a distribution brings has another name, or is used otherwise than by an import.
_USED_AS = {
    "clang-format": r"\bclang-format\b",
    "faiss-cpu": r"\bfaiss\b",
    "jinja2": r"\bjinja2\b",
    "numpydoc": r"\bnumpydoc\b",
    "onnxruntime-gpu": r"\bonnxruntime-gpu\b",  # its module is onnxruntime's
    "pytest-benchmark": r"\bbenchmark\b",
    "pytest-xdist": r"\bpytest -n\b",
    "scikit-learn-intelex": r"\bsklearnex\b",
}


def distribution(requirement: str) -> str:
    """``rich>=13`` -> ``rich``."""
    return re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0].lower()


def unused_requirements(project: dict[str, Any], texts: dict[str, str]) -> list[str]:
    """Distributions of an extra that none of the texts where the extra is used mentions.

    ``texts`` has the joined sources by extra; ``coterie[...]`` inside an extra refers to other extras.
    """
    problems = []
    for extra, requirements in project["optional-dependencies"].items():
        for requirement in requirements:
            name = distribution(requirement)
            if name == project["name"]:
                asked = re.findall(r"[\w-]+", requirement.split("[", 1)[1])
                problems += [
                    f"{extra}: no extra {a}" for a in asked if a not in project["optional-dependencies"]
                ]
                continue
            used_as = _USED_AS.get(name, rf"\b{re.escape(name.replace('-', '_'))}\b")
            if not re.search(used_as, texts.get(extra, "")):
                problems.append(f"{extra}: nothing uses {name}")
    return problems


def unknown_extras(project: dict[str, Any], python_text: str) -> list[str]:
    """``require_extra(module, extra)`` that names an extra which does not bring the module."""
    problems = []
    for module, extra in re.findall(r'require_extra\(\s*"([\w.]+)",\s*"([\w-]+)"', python_text):
        brought = {distribution(r) for r in project["optional-dependencies"].get(extra, [])}
        if module.split(".")[0].lower() not in {b.replace("-", "_") for b in brought}:
            problems.append(f'require_extra("{module}", "{extra}"): the extra does not bring it')
    return problems
