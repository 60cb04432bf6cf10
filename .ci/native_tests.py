"""Print the test files of the compiled ops, which run again under other instruction sets and sanitizers."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from rules.stems import OP_ROOMS  # noqa: E402

# Mostly other people's Python: scikit-learn's own checks, and comparisons with it on whole corpora. The last two kill
# processes and watch their memory, which a sanitizer changes.
LEFT_OUT = {
    "test_scikit_learn.py",
    "test_estimators.py",
    "test_clusterers.py",
    "test_parity.py",
    "test_checkpoint.py",
    "test_stream.py",
}

if __name__ == "__main__":
    files = [
        p for room in OP_ROOMS for p in (ROOT / "tests" / room).glob("test_*.py") if p.name not in LEFT_OUT
    ]
    print(*sorted(str(p.relative_to(ROOT)) for p in [ROOT / "tests" / "test_core.py", *files]))
