"""``coterie doctor`` on a whole and on a bare installation."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from coterie import _core
from coterie.cli.doctor import examine

ROOT = Path(__file__).resolve().parents[2]


def test_shows_what_runs_here(run):
    shown = run("doctor").stdout
    assert f"instruction set  {_core.active_isa()}" in shown or _core.active_isa() in shown
    assert ("built with CUDA" if _core.cuda_state()["built"] else "built without CUDA") in shown
    assert "scikit-learn" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize("isa", _core.available_isas())
def test_override_of_the_instruction_set_is_shown(run, isa):
    facts = json.loads(run("doctor", "--json", variables={"COTERIE_CPU": isa}).stdout)
    assert (facts["instruction_set"], facts["COTERIE_CPU"]) == (isa, isa)
    assert f"COTERIE_CPU={isa}" in run("doctor", variables={"COTERIE_CPU": isa}).stdout


def test_missing_extras_name_what_they_add_and_the_command(environment):
    missing = ["pyarrow", "jinja2", "plotly", "rjieba"]
    program = (
        f"import sys\nfor name in {missing}: sys.modules[name] = None\n"
        "sys.argv = ['coterie', 'doctor']\nfrom coterie.cli import main\nmain()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    shown = " ".join(done.stdout.split())
    assert "missing pyarrow, jinja2, plotly; it adds the command line" in shown
    assert 'missing rjieba; it adds Chinese words (--language zh): pip install "coterie[zh]"' in shown


def test_extras_are_those_of_the_package():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = declared["project"]["optional-dependencies"]
    named = {name: set(state["versions"]) for name, state in examine()["extras"].items()}
    for_users = {name for name in extras if name not in {"all", "test", "bench", "dev"}}
    assert set(named) == for_users
    for name, modules in named.items():
        assert modules == {requirement.split(">=")[0] for requirement in extras[name]}
