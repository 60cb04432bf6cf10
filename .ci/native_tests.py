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
    "test_topic_estimators.py",
    "test_estimators.py",
    "test_clusterers.py",
    "test_parity.py",
    "test_checkpoint.py",
    "test_stream.py",
}

# Rooms whose files load the runtimes of others, which do not stand sanitizers.
OTHER_RUNTIMES = {"encode"}

# With "threads": these run the same parallel code at hundreds of sizes; the other files run it too.
MANY_SIZES = {"test_assign_labels.py", "test_cosine_top_k.py", "test_jaccard_top_k.py", "test_tfidf.py"}

if __name__ == "__main__":
    left_out = LEFT_OUT | MANY_SIZES if "threads" in sys.argv[1:] else LEFT_OUT
    rooms = sorted(set(OP_ROOMS) - OTHER_RUNTIMES)
    files = [p for room in rooms for p in (ROOT / "tests" / room).glob("test_*.py") if p.name not in left_out]
    print(*sorted(str(p.relative_to(ROOT)) for p in [ROOT / "tests" / "test_core.py", *files]))
