"""What is installed is what is used: extras, version, and an import that costs and needs nothing optional."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

from rules import packaging
from rules.source import ROOT, source_files


def test_every_requirement_is_used() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    def joined(*folders: str) -> str:
        return "\n".join(
            p.read_text(encoding="utf-8") for p in source_files(".py", ".sh", "", folders=folders)
        )

    package = joined("python")
    texts = dict.fromkeys(project["optional-dependencies"], package)
    texts |= {"test": joined("tests"), "bench": joined("bench"), "dev": joined("tests", ".ci")}
    assert not packaging.unused_requirements(project, texts)
    assert not packaging.unknown_extras(project, package)


def test_version_has_its_changelog_entry() -> None:
    from coterie import __version__

    headings = re.findall(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased" or headings[0] == __version__
    assert len(headings) == len(set(headings))


def test_continuous_integration_ends_with_the_line_of_the_readme() -> None:
    last = (ROOT / ".ci" / "run").read_text().splitlines()[-1]
    assert last.endswith("python -m pytest -n logical --maxprocesses 4 --dist worksteal")
    for page in ("README.md", "CONTRIBUTING.md"):
        assert last in (ROOT / page).read_text(encoding="utf-8").splitlines()


OPTIONAL = (
    "typer",
    "rich",
    "pyarrow",
    "jinja2",
    "plotly",
    "rjieba",
    "pandas",
    "polars",
    "onnxruntime",
    "tokenizers",
    "openvino",
    "torch",
    "transformers",
    "onnx",
    "safetensors",
    "huggingface_hub",
)

WITHOUT_EXTRAS = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {OPTIONAL!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
"""


def run_python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_loads_no_optional_module() -> None:
    by_sklearn = run_python("import sys, sklearn.cluster; print(*sys.modules)").split()  # it may load pandas
    loaded = run_python("import sys, coterie; print(*sys.modules)").split()
    assert not set(OPTIONAL) & (set(loaded) - set(by_sklearn))


def test_import_starts_no_thread() -> None:
    code = "import os, numpy, scipy.sparse, sklearn.cluster; n = len(os.listdir('/proc/self/task'));"
    assert run_python(code + "import coterie; print(len(os.listdir('/proc/self/task')) - n)").strip() == "0"


def test_base_install_is_enough_to_import_every_public_module() -> None:
    code = (
        WITHOUT_EXTRAS + "import coterie\nfor name in coterie.__all__: getattr(coterie, name)\nprint('fine')"
    )
    assert run_python(code).strip() == "fine"


def test_unused_requirements_are_found() -> None:
    project = {"name": "coterie", "optional-dependencies": {"cli": ["rich>=13"], "all": ["coterie[cli,zz]"]}}
    assert packaging.unused_requirements(project, {"cli": "import typer"}) == [
        "cli: nothing uses rich",
        "all: no extra zz",
    ]
    assert packaging.unknown_extras(project, 'require_extra("pyarrow", "cli")')
    assert not packaging.unknown_extras(project, 'require_extra("rich.console", "cli")')


LEAKS = """
Direct leak of 64 byte(s) in 1 object(s) allocated from:
    #0 0x7f in operator new(unsigned long) ../asan_new_delete.cpp:95
    #1 0x7f in {frame} cpp/text/count_terms.cpp:30

Indirect leak of 8 byte(s) in 1 object(s) allocated from:
    #0 0x7f in __interceptor_malloc ../asan_malloc_linux.cpp:69
    #1 0x7f in _PyObject_GC_New Modules/gcmodule.c:2298
"""


def test_leaks_of_our_own_are_told_from_those_of_others() -> None:
    own_leaks = runpy.run_path(str(ROOT / ".ci" / "own_leaks.py"))["own_leaks"]
    (found,) = own_leaks(LEAKS.format(frame="coterie::text::count_terms(int)"))
    assert "Direct leak of 64" in found
    assert own_leaks(LEAKS.format(frame="coterie::init_text(pybind11::module_&)")) == []
    assert own_leaks(LEAKS.format(frame="pybind11::detail::make_new_python_type")) == []


def test_an_error_among_the_leaks_is_found(tmp_path: Path) -> None:
    report = tmp_path / "leaks.1"
    report.write_text("==1==ERROR: AddressSanitizer: heap-use-after-free\n    #0 coterie::kmeans()\n")
    check = [sys.executable, str(ROOT / ".ci" / "own_leaks.py"), str(report)]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "heap-use-after-free" in done.stdout
    report.write_text(LEAKS.format(frame="pybind11::detail::make_new_python_type"))
    assert subprocess.run(check, check=False).returncode == 0
