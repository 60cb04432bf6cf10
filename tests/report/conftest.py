"""Clusterings to show, and a browser to show them in."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coterie.journey import ClusterResult, KSearch, KTrial, cluster_texts

TOPICS = ("apple banana cherry grape", "train engine rail station", "violin cello opera concert")


@pytest.fixture(scope="session")
def fruit_trains_music() -> list[str]:
    """Ninety short documents about three things."""
    rng = np.random.default_rng(3)
    return [" ".join(rng.choice(TOPICS[row % 3].split(), 6)) + f" number {row}" for row in range(90)]


@pytest.fixture(scope="session")
def cluster() -> Callable[..., ClusterResult]:
    """Cluster texts; tiny corpora keep every term."""

    def make(
        texts: list[str],
        n_clusters: int = 3,
        k_search: KSearch | None = None,
        labels: list[str] | None = None,
    ) -> ClusterResult:
        result = cluster_texts(
            texts, n_clusters=n_clusters, min_df=1, max_df=1.0, stop_words=None, labels=labels
        )
        return replace(result, k_search=k_search)

    return make


@pytest.fixture(scope="session")
def k_search() -> KSearch:
    trials = [
        KTrial(2, 0.2, 0.1, 0.1, 0.02, 90.0, 0.5, 0.3, 0.02),
        KTrial(3, 0.4, 0.12, 0.28, 0.01, 80.0, 0.9, 1.0, 0.02),
        KTrial(5, 0.3, 0.2, 0.1, 0.01, 70.0, 0.4, 0.9, 0.02),
    ]
    return KSearch(trials, 3, True, "3 clusters: the most stable <and> the best separated.", 90)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Headless Chromium, or a skip that says what is missing."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    candidates = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    executable = next(filter(None, map(shutil.which, candidates)), None)
    if executable is None:
        pytest.skip(f"no browser: none of {', '.join(candidates)} is on the PATH")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Open a report; at the end of the test, fail on any console message, error or request beside the file."""
    complaints: list[str] = []
    contexts = []

    def open_html(html: str, **context_options: Any) -> Any:
        file = tmp_path / "report.html"
        file.write_text(html, encoding="utf-8")
        context = browser.new_context(**context_options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on(
            "request", lambda request: request.url == file.as_uri() or complaints.append(request.url[:200])
        )
        page.goto(file.as_uri())
        page.wait_for_selector("html[data-ready=true] .scatterlayer .point", state="attached")
        return page

    yield open_html
    for context in contexts:
        context.close()
    assert complaints == []
