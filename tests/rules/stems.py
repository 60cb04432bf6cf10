"""One stem, one story: an op is a header that the bindings include, its source, a reference, a test."""

from __future__ import annotations

import re
from pathlib import Path

OP_ROOMS = ("text", "similarity", "cluster", "topics", "encode")


def missing_parts(root: Path, header: Path) -> list[str]:
    """What the op declared in ``cpp/<room>/<op>.hpp`` lacks."""
    room, op = header.parent.name, header.stem
    missing = []
    if not (header.with_suffix(".cpp").exists() or header.with_name(f"{op}_cpu.cpp").exists()):
        missing.append(f"cpp/{room}/{op}.cpp")
    if not (root / f"tests/reference/{op}.py").exists():
        missing.append(f"tests/reference/{op}.py")
    if not list((root / "tests").rglob(f"test_{op}.py")):
        missing.append(f"a test_{op}.py")
    return missing


def op_headers(root: Path) -> list[Path]:
    """Headers of the op rooms that a room's binding calls; the other headers there are parts of ops."""
    texts = [(root / f"cpp/bindings/{room}.cpp") for room in OP_ROOMS]
    included = re.findall(
        rf'^#include "((?:{"|".join(OP_ROOMS)})/\w+\.hpp)"',
        "\n".join(p.read_text(encoding="utf-8") for p in texts if p.exists()),
        re.MULTILINE,
    )
    return sorted(root / "cpp" / name for name in set(included))


def unreached_headers(root: Path) -> list[str]:
    """Headers of the op rooms that no binding reaches through includes: nothing can call what they declare."""
    waiting, reached = sorted((root / "cpp/bindings").glob("*.[ch]pp")), set[Path]()
    while waiting:
        text = waiting.pop().read_text(encoding="utf-8")
        for included in re.findall(r'^#include "([^"]+)"', text, re.MULTILINE):
            header = root / "cpp" / included
            if header not in reached:
                reached.add(header)
                waiting += [p for p in (header, header.with_suffix(".cpp")) if p.exists()]
    every = (h for room in OP_ROOMS for h in sorted((root / "cpp" / room).glob("*.hpp")))
    return [h.relative_to(root).as_posix() for h in every if h not in reached]
