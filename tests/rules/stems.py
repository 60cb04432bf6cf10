"""One stem, one story: an op is a header, its source, a binding, a reference, a test."""

from __future__ import annotations

from pathlib import Path

OP_ROOMS = ("text", "similarity", "cluster", "topics")


def missing_parts(root: Path, header: Path) -> list[str]:
    """What the op declared in ``cpp/<room>/<op>.hpp`` lacks."""
    room, op = header.parent.name, header.stem
    bindings = "\n".join(p.read_text() for p in sorted((root / "cpp/bindings").glob("*.[ch]pp")))
    missing = []
    if not (header.with_suffix(".cpp").exists() or header.with_name(f"{op}_cpu.cpp").exists()):
        missing.append(f"cpp/{room}/{op}.cpp")
    if f'"{room}/{op}.hpp"' not in bindings:
        missing.append("a binding that includes it")
    if not (root / f"tests/reference/{op}.py").exists():
        missing.append(f"tests/reference/{op}.py")
    if not list((root / "tests").rglob(f"test_{op}.py")):
        missing.append(f"a test_{op}.py")
    return missing


def op_headers(root: Path) -> list[Path]:
    return [h for room in OP_ROOMS for h in sorted((root / "cpp" / room).glob("*.hpp"))]
