"""The bars of a command: what they say, and that they are silent where nobody sees them."""

from __future__ import annotations

import sys

import pytest

pytest.importorskip("rich")

import numpy as np

from coterie.cli.progress import Stages
from coterie.cluster import KMeans

X = np.random.default_rng(0).random((200, 5), dtype=np.float32)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)


def bar(stages: Stages) -> tuple[str, float, float | None, str]:
    task = stages._progress.tasks[-1]
    return task.description, task.completed, task.total, task.fields["note"]


def test_iterations_are_shown_in_the_stage_that_runs(terminal: None) -> None:
    with Stages(visible=True) as stages:
        stages.n_documents = 250
        stages.share("vectorize", 1.0)
        stages.iteration(1, 7, 200)
        assert bar(stages) == ("vectorize", 250, 250, "")
        stages.share("cluster", 0.0)
        stages.iteration(12, 30, 1200)
        assert bar(stages) == ("cluster", 1170, 1200, "iteration 12, 30 of 1,200 documents moved")
        KMeans(3, random_state=0, tol=0).fit(X)
        assert bar(stages)[3].startswith("iteration ")
        assert bar(stages)[3].endswith(", 0 of 200 documents moved")
        for column in stages._progress.columns[2:]:
            assert str(column(stages._progress.tasks[-1])) in (bar(stages)[3], "")
        stages.share("cluster", 1.0)
        assert bar(stages) == ("cluster", 250, 250, "")
    KMeans(3, random_state=0).fit(X)
    assert bar(stages) == ("cluster", 250, 250, "")


@pytest.mark.parametrize(("visible", "is_terminal"), [(False, True), (True, False)])
def test_nobody_listens_where_nothing_is_shown(
    visible: bool, is_terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    with Stages(visible=visible) as stages:
        monkeypatch.setattr(stages, "iteration", lambda *_: pytest.fail("told"))
        stages.share("cluster", 0.0)
        KMeans(3, random_state=0).fit(X)
    assert capsys.readouterr() == ("", "")
