"""The package's public names: each leads somewhere, none is loaded before it is used."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import coterie
from coterie import _exports


def test_every_public_name_is_there():
    assert sorted(dir(coterie)) == sorted(coterie.__all__) == sorted([*_exports.HOMES, "__version__"])
    for name, home in _exports.HOMES.items():
        assert getattr(coterie, name).__module__.startswith(home)


def test_type_checkers_see_the_same_names():
    stub = ast.parse(Path(coterie.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    seen = {alias.asname: node.module for node in imports for alias in node.names}
    assert seen == {**_exports.HOMES, "__version__": "coterie._version"}


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'coterie' has no attribute 'Kmeans'"):
        _ = coterie.Kmeans


def test_import_is_light():
    program = "import sys, coterie; print(sorted({'numpy', 'sklearn', 'scipy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "[]\n"
