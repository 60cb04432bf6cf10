"""Fixtures for tests of files and folders."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def unprivileged_dir() -> Iterator[Path]:
    """A folder with an unreadable file and an empty folder, seen by a user who is not root."""
    with tempfile.TemporaryDirectory(prefix="coterie-test-") as name:
        os.chmod(name, 0o755)
        secret = Path(name, "secret.txt")
        secret.write_text("a\n")
        secret.chmod(0)
        Path(name, "empty").mkdir(mode=0o555)
        before = os.geteuid()
        if before == 0:
            os.seteuid(65534)
        try:
            yield Path(name)
        finally:
            os.seteuid(before)
