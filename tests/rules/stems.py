"""One stem, one story: an op is a header, its source, a binding, a reference, a test."""

from __future__ import annotations

import re
from pathlib import Path

OP_ROOMS = ("text", "similarity", "cluster", "topics")


def missing_parts(root: Path, header: Path) -> list[str]:
    """What the op declared in ``cpp/<room>/<op>.hpp`` lacks."""
    room, op = header.parent.name, header.stem
    missing = []
    if not (header.with_suffix(".cpp").exists() or header.with_name(f"{op}_cpu.cpp").exists()):
        missing.append(f"cpp/{room}/{op}.cpp")
    if header not in reached_from_bindings(root):
        missing.append("a binding that reaches it")
    if not (root / f"tests/reference/{op}.py").exists():
        missing.append(f"tests/reference/{op}.py")
    if not list((root / "tests").rglob(f"test_{op}.py")):
        missing.append(f"a test_{op}.py")
    return missing


def reached_from_bindings(root: Path) -> set[Path]:
    """Project headers included by the bindings, or by a header or source so reached."""
    waiting, reached = sorted((root / "cpp/bindings").glob("*.[ch]pp")), set[Path]()
    while waiting:
        text = waiting.pop().read_text(encoding="utf-8")
        for included in re.findall(r'^#include "([^"]+)"', text, re.MULTILINE):
            header = root / "cpp" / included
            if header not in reached:
                reached.add(header)
                waiting += [p for p in (header, header.with_suffix(".cpp")) if p.exists()]
    return reached


def op_headers(root: Path) -> list[Path]:
    return [h for room in OP_ROOMS for h in sorted((root / "cpp" / room).glob("*.hpp"))]
