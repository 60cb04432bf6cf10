"""Print the test files of the compiled ops, which run again under other instruction sets and sanitizers."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from rules import stems  # noqa: E402

if __name__ == "__main__":
    wanted = {"test_core.py"} | {f"test_{header.stem}.py" for header in stems.op_headers(ROOT)}
    print(*sorted(str(p.relative_to(ROOT)) for p in (ROOT / "tests").rglob("test_*.py") if p.name in wanted))
