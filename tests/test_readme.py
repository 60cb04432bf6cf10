"""What the README shows works: its Python runs, its commands and options exist, its links lead somewhere."""

from __future__ import annotations

import re
import shlex

import pytest

from rules.source import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = ["README.md", "CONTRIBUTING.md", "docs/README.md", "bench/README.md"]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def test_python_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = blocks("python")
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 2
    assert any("goal" in line for line in printed)
    assert any("bank" in line for line in printed)


def test_commands_and_their_options_exist() -> None:
    typer_main = pytest.importorskip("typer.main", reason='the extra "cli" is not installed')
    from coterie.cli.app import make_app

    known = {name: command.params for name, command in typer_main.get_command(make_app()).commands.items()}
    shown = [line for block in blocks("console") for line in block.splitlines()] + re.findall(
        r"`(coterie [^`]+)`", README
    )
    commands = [
        shlex.split(part) for line in shown for part in line.split("&&") if part.split()[:1] == ["coterie"]
    ]
    wanted = {
        "assign",
        "classify",
        "cluster",
        "compare",
        "dedupe",
        "topics",
        "demo",
        "doctor",
        "encode",
        "estimate",
        "evaluate",
        "export",
        "similar",
    }
    assert wanted == {words[1] for words in commands}
    for words in commands:
        options = {option for param in known[words[1]] for option in [*param.opts, *param.secondary_opts]}
        assert {word for word in words if word.startswith("-")} <= options, words


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    targets = [t for t in re.findall(r"\]\(([^)#]+)\)", text) if not t.startswith("http")]
    missing = [t for t in targets if not (ROOT / page).parent.joinpath(t).exists()]
    assert missing == []


def test_the_measured_table_has_its_place() -> None:
    assert len(re.findall(r"<!-- measured:.*?-->\n.*?<!-- /measured -->", README, re.DOTALL)) == 1


def test_the_test_command_is_the_one_that_is_run() -> None:
    (command,) = [block.strip() for block in blocks("console") if "pytest" in block]
    steps = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert steps.endswith(f"\n{command}\n")
