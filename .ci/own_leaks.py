"""Read LeakSanitizer's reports and fail for memory that coterie's own code allocated and lost.

What the interpreter, NumPy and pybind11's start-up never free is theirs: a leak counts as ours when a frame
of its stack is in the namespace ``coterie``, start-up (``coterie::init_*``) apart.
"""

import re
import sys
from pathlib import Path


def own_leaks(report: str) -> list[str]:
    """The stacks of a report that are ours."""
    stacks = re.findall(r"(?:Direct|Indirect) leak of .*?(?:\n\s*\n|\Z)", report, re.DOTALL)
    return [s for s in stacks if re.search(r"\bcoterie::(?!init_)", s) and "coterie::init_" not in s]


if __name__ == "__main__":
    leaks = [
        leak for name in sys.argv[1:] if Path(name).exists() for leak in own_leaks(Path(name).read_text())
    ]
    print("\n".join(leaks))
    sys.exit(1 if leaks else 0)
