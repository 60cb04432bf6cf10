"""The page of a comparison in a real browser: the table, the dots, and names that stay text."""

from __future__ import annotations

from coterie.compare import Comparison, ComparisonRun
from coterie.report.comparison import render_comparison

EVIL = "<b>onnx</b>:</script><img src=x onerror=alert(1)> %{x} &lt;i&gt;"


def a_run(encoder: str, clusterer: str, nmi: list[float]) -> ComparisonRun:
    seconds = {"encode": [2.0], "cluster": [0.5] * len(nmi), "evaluate": [0.1] * len(nmi)}
    memory = {"encode": 300 << 20, "cluster": 200 << 20}
    scores = {"nmi": nmi, "v_measure": nmi, "purity": [0.9] * len(nmi)}
    return ComparisonRun(encoder, clusterer, [*range(len(nmi))], [3] * len(nmi), scores, seconds, memory, 384)


def test_table_and_dots(open_page):
    runs = [
        a_run("tfidf", "ward", [0.25]),
        a_run(EVIL, "kmeans", [0.5, 0.7]),
        ComparisonRun("tfidf", "dbscan", error="dbscan found no cluster: <i>all</i> are noise"),
    ]
    page = open_page(render_comparison(Comparison(runs, 60, 3, {"seeds": [0, 1]}, {"cores": 2}), title=EVIL))
    assert page.locator("h1").inner_text() == EVIL
    rows = [row.inner_text().split("\t") for row in page.locator(".comparison tbody tr").all()]
    assert [row[0] for row in rows] == [EVIL, "tfidf", "tfidf"]  # best first, what failed last
    assert rows[0][3].split() == ["0.600", "0.500–0.700"]
    assert rows[1][3].strip() == "0.250"
    assert rows[1][-2:] == ["300", "200"]
    assert "<i>all</i> are noise" in rows[2][2]
    assert page.locator("#scores .scatterlayer .point").count() == 2 * 2
    assert page.locator("#cost .scatterlayer .point").count() == 2
    assert page.locator("#scores .ytick").first.text_content().startswith(EVIL[:39])  # shortened
    assert page.locator("img, b").count() == 0
