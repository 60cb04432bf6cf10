"""Help, versions and wrong usage."""

from __future__ import annotations

import subprocess
import sys

import pytest

COMMANDS = [
    "cluster",
    "assign",
    "evaluate",
    "similar",
    "dedupe",
    "encode",
    "export",
    "demo",
    "estimate",
    "doctor",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_by_example(call, command):
    shown = " ".join(call(command, "--help").stdout.split())
    assert f"coterie {command}" in shown.removeprefix(f"Usage: coterie {command}").split("─ Options")[0]
    assert "Exit codes: 0 done" in shown
    assert "130 Ctrl-C" in shown


def test_main_help_lists_every_command(call):
    shown = call("--help").stdout
    assert all(f"\n│ {command} " in shown for command in COMMANDS)
    without_arguments = call(fails=2)
    assert "Usage: coterie" in without_arguments.stdout + without_arguments.stderr


def test_version(run):
    from coterie import __version__

    assert run("--version").stdout == f"coterie {__version__}\n"


def test_help_imports_nothing_heavy(environment):
    program = (
        "import sys; from coterie.cli.app import make_app; make_app(); "
        "print(sorted({'sklearn', 'pyarrow', 'plotly', 'jinja2', 'coterie._core'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["cluster"], "FILE"),
        (["cluster", "x", "--n-clusters", "0"], "'0' is not a number of clusters >= 1, or auto"),
        (["cluster", "x", "--n-clusters", "many"], "'many' is not a number of clusters >= 1, or auto"),
        (["cluster", "x", "--min-df", "1.5"], "'1.5' is not a number of documents such as 2, or a share"),
        (["cluster", "x", "--max-df", "half"], "'half' is not a number of documents such as 2, or a share"),
        (["cluster", "x", "--ngrams", "2,1"], "'2,1' is not a length such as 2, or a range such as 1,2"),
        (["cluster", "x", "--ngrams", "1,2,3"], "'1,2,3' is not a length"),
        (["cluster", "x", "--n-threads", "0"], "--n-threads"),
        (["cluster", "x", "--report"], "give --output too"),
        (["cluster", "x", "--such-option"], "No such option"),
        (["similar", "x", "--threshold", "2"], "--threshold"),
        (["similar", "x", "--near-duplicates", "--id", "1"], "either --near-duplicates or --id"),
        (["dedupe", "x", "--threshold", "1.1"], "--threshold"),
        (["dedupe", "x", "--n-hashes", "0"], "--n-hashes"),
        (["no-such-command"], "No such command"),
    ],
)
def test_wrong_usage_is_code_2_and_named(call, arguments, said):
    done = call(*arguments, fails=2)
    assert said in " ".join(done.stderr.replace("│", " ").split())
    assert done.stdout == ""


@pytest.mark.parametrize("module", ["typer", "rich"])
def test_missing_extra_is_one_sentence(environment, module):
    program = f"import sys; sys.modules[{module!r}] = None; from coterie.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == (
        f'coterie: {module} is not installed; it comes with the "cli" extra: pip install "coterie[cli]"\n'
    )
