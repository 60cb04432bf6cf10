"""Read the sanitizers' reports and fail for errors, and for memory that coterie's own code allocated and lost.

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


def errors(report: str) -> list[str]:
    """Everything from the first error that is no leak; AddressSanitizer writes it where leaks are written."""
    found = re.search(r"ERROR: AddressSanitizer|runtime error:", report)
    return [report[found.start() :]] if found else []


if __name__ == "__main__":
    reports = [Path(name).read_text() for name in sys.argv[1:] if Path(name).exists()]
    found = [stack for report in reports for stack in (*errors(report), *own_leaks(report))]
    print("\n".join(found))
    sys.exit(1 if found else 0)
