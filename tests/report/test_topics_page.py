"""The report of topics: what it shows, in a real browser, and that documents stay text."""

from __future__ import annotations

import numpy as np
import pytest

from coterie.report import render_topics_report
from coterie.report.topics_page import place_topics
from coterie.topics import find_topics, topics_over_time

HOSTILE = [
    "<script>alert(1)</script> apple pie",
    "</script><img src=x onerror=alert(2)> apple pie",
    "{{ 7 * 7 }} {% raw %} apple pie ${alert(3)}",
    "&lt;b&gt; &amp; apple pie \x00\x1b[31m\u2028",
    "train ride <b>bold</b> late train",
    "\ud800 slow train ride",
]


@pytest.fixture(scope="module")
def result():
    texts = HOSTILE * 8
    return texts, find_topics(texts, n_topics=[2, 3], max_iter=20, stop_words=None)


def test_shows_topics_map_course_and_search(result, open_page) -> None:
    texts, found = result
    course = topics_over_time(found.mixtures, np.arange(len(texts)) * 86400.0, n_periods=4)
    page = open_page(render_topics_report(found, texts, title="a & b", over_time=course))
    assert page.title() == "a & b"
    n_topics = len(found.topics)
    assert page.locator(".cards .card").count() == n_topics
    assert page.locator("#map .scatterlayer .point").count() == n_topics
    assert page.locator("#over-time .scatterlayer .trace").count() == n_topics
    assert page.locator("#over-time .barlayer .point").count() == len(course.sizes)
    assert page.locator("#search .scatterlayer .point").count() == 8
    assert str(n_topics) in page.locator(".verdict").inner_text()
    shown = page.locator(".documents p").all_inner_texts()
    assert any("<script>alert(1)</script>" in text or "<b>bold</b>" in text for text in shown)
    largest = max(found.topics, key=lambda topic: topic.share)
    assert largest.terms[0][0] in page.locator(".card").first.inner_text()


@pytest.mark.parametrize("width", [390, 1280])
def test_names_on_the_map_cover_neither_names_nor_circles_nor_the_edge(open_page, width) -> None:
    rng = np.random.default_rng(0)
    words = [f"{stem}{number:02d}word" for stem in ("apple", "train", "violin") for number in range(20)]
    texts = [
        " ".join(rng.choice(words[start : start + 12], 8)) for start in range(0, 48, 3) for _ in range(6)
    ]
    found = find_topics(texts, n_topics=16, max_iter=10, min_df=1, stop_words=None)
    page = open_page(render_topics_report(found, texts), viewport={"width": width, "height": 800})
    boxes = [box.bounding_box() for box in page.locator("#map .annotation-text").all()]
    assert len(boxes) >= 3
    for number, box in enumerate(boxes):
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        for other in boxes[:number]:
            apart_x = max(box["x"], other["x"]) >= min(box["x"] + box["width"], other["x"] + other["width"])
            apart_y = max(box["y"], other["y"]) >= min(box["y"] + box["height"], other["y"] + other["height"])
            assert apart_x or apart_y
    for circle in (point.bounding_box() for point in page.locator("#map .scatterlayer .point").all()):
        x, y = circle["x"] + circle["width"] / 2, circle["y"] + circle["height"] / 2
        for box in boxes:
            off_x = max(box["x"] - x, 0, x - box["x"] - box["width"])
            off_y = max(box["y"] - y, 0, y - box["y"] - box["height"])
            assert np.hypot(off_x, off_y) >= circle["width"] / 2 - 2  # the outline


def test_without_times_and_search_there_are_no_such_drawings(open_page) -> None:
    texts = ["red apple", "green apple", "late train", "slow train"] * 3
    page = open_page(render_topics_report(find_topics(texts, n_topics=1, max_iter=2), texts))
    assert page.locator("#over-time").count() == page.locator("#search").count() == 0
    assert page.locator(".cards .card").count() == 1


def test_lengths_must_agree(result) -> None:
    texts, found = result
    with pytest.raises(ValueError, match=r"texts must have one entry per document \(48\); got 3"):
        render_topics_report(found, texts[:3])
    with pytest.raises(ValueError, match=r"ids must have one entry per document \(48\); got 1"):
        render_topics_report(found, texts, ids=["a"])


def test_alike_topics_stand_together() -> None:
    components = np.array([[9, 1, 0, 0], [8, 2, 0, 0], [0, 0, 5, 5.0]])
    points = place_topics(components)
    near, far = np.linalg.norm(points[0] - points[1]), np.linalg.norm(points[0] - points[2])
    assert near < 0.2 * far
    assert abs(points).max() == pytest.approx(1)
    assert place_topics(np.ones((1, 3))).tolist() == [[0, 0]]
    assert np.isfinite(place_topics(np.ones((4, 3)))).all()
