"""The most memory that this process has held, and the machine it runs on."""

from __future__ import annotations

import platform
import resource
import sys
from pathlib import Path
from typing import Any

_STATUS = Path("/proc/self/status")


def peak_memory() -> int:
    """Return bytes of resident memory at most.

    ``getrusage`` also counts what the parent held when it started this process (Linux keeps that maximum over an
    exec), so the kernel's own mark is read where there is one.
    """
    if _STATUS.exists():
        for line in _STATUS.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def describe_machine() -> dict[str, Any]:
    """Return what seconds depend on."""
    from coterie import _core
    from coterie._version import __version__

    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": _core.default_thread_count(),
        "instruction_set": _core.active_isa(),
        "python": platform.python_version(),
        "coterie": __version__,
    }
