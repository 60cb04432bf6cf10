"""What the README shows works: its Python runs, its commands and options exist, its links lead somewhere."""

from __future__ import annotations

import ast
import importlib
import re
import shlex

import pytest

from rules.source import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md"))
PAGES = ["README.md", "CONTRIBUTING.md", "bench/README.md", *DOCS]


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def commands_of(text: str) -> list[list[str]]:
    """The words of every ``coterie ...`` in console blocks, indented lines and code spans."""
    shown = [line for block in blocks("console", text) for line in block.replace("\\\n", " ").splitlines()]
    shown += re.findall(r"^ {4}(coterie .*)$", text, re.MULTILINE) + re.findall(r"`(coterie [^`]+)`", text)
    parts = [part.strip().removeprefix("$ ") for line in shown for part in line.split("&&")]
    return [shlex.split(part, comments=True) for part in parts if re.match(r"coterie \w", part)]


def test_python_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = blocks("python")
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 2
    assert any("goal" in line for line in printed)
    assert any("bank" in line for line in printed)


@pytest.mark.parametrize("page", DOCS)
def test_what_the_pages_import_is_there(page: str) -> None:
    for code in blocks("python", read(page)):
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("coterie"):
                module = importlib.import_module(str(node.module))
                assert [name.name for name in node.names if not hasattr(module, name.name)] == []


def test_the_table_names_every_command() -> None:
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
    assert wanted == {words[1] for words in commands_of(README)}


@pytest.mark.parametrize("page", ["README.md", *DOCS])
def test_commands_and_their_options_exist(page: str) -> None:
    typer_main = pytest.importorskip("typer.main", reason='the extra "cli" is not installed')
    from coterie.cli.app import make_app

    known = typer_main.get_command(make_app()).commands
    for words in commands_of(read(page)):
        command = known[words[1]]
        if len(words) > 2:
            command = getattr(command, "commands", {}).get(words[2], command)
        options = {option for param in command.params for option in [*param.opts, *param.secondary_opts]}
        assert {word for word in words if word.startswith("-") and word != "-"} <= options, words


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    text = read(page)
    targets = [t for t in re.findall(r"\]\(([^)#]+)\)", text) if not t.startswith("http")]
    missing = [t for t in targets if not (ROOT / page).parent.joinpath(t).exists()]
    assert missing == []


def test_the_measured_table_has_its_place() -> None:
    assert len(re.findall(r"<!-- measured:.*?-->\n.*?<!-- /measured -->", README, re.DOTALL)) == 1


def test_the_test_command_is_the_one_that_is_run() -> None:
    (command,) = [block.strip() for block in blocks("console") if "pytest" in block]
    steps = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert steps.endswith(f"\n{command}\n")
