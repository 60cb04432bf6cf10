"""The report in a real browser: what a reader sees and does, and that documents stay text."""

from __future__ import annotations

import re

import pytest

from coterie import cluster_texts
from coterie.report import render_report

HOSTILE = [
    "<script>alert(1)</script> apple",
    "</script><script>alert(2)</script> apple banana",
    "<!-- <script> apple -->",
    '"><img src=x onerror=alert(3)> apple',
    "<a href='javascript:alert(4)'>apple</a> <b>bold</b>",
    "{{ 7 * 7 }} {% raw %} apple ${alert(5)}",
    "line\u2028separator\u2029apple\x00nul\x1b[31mred",
    "&lt;b&gt; &amp; apple &#x3c;i&#x3e;",
    "https://example.com/apple.png <link rel=stylesheet href=https://example.com/x.css>",
    "\ud800 lone apple",
    "\u202egnp.elppa apple",
    "]]> <svg onload=alert(6)> apple",
]


@pytest.fixture
def page(open_page, cluster, fruit_trains_music, k_search):
    labels = ["fruit", "trains", "music"] * 30
    result = cluster(fruit_trains_music, 3, k_search, labels)
    return open_page(render_report(result, fruit_trains_music, title="fruit & trains", labels=labels))


def visible_points(page) -> int:
    return page.locator("#map .scatterlayer .point").count()


def test_shows_the_whole_clustering(page):
    assert page.title() == "fruit & trains"
    facts = dict(
        zip(
            page.locator(".facts dt").all_inner_texts(),
            page.locator(".facts dd").all_inner_texts(),
            strict=True,
        )
    )
    assert (facts["documents"], facts["clusters"], facts["NMI"]) == ("90", "3", "1.000")
    assert page.locator("#cards .card").count() == 3
    assert visible_points(page) == 90
    fruit = page.locator("#cards .card", has_text="fruit 100.0 %")
    assert fruit.count() == 1
    assert "apple" in fruit.locator(".terms").inner_text()
    assert re.search(r"number \d+", fruit.locator(".documents li").first.inner_text())
    assert "the most stable <and> the best separated" in page.locator(".verdict").inner_text()
    assert page.locator("#k-search .scatterlayer .point").count() == 12
    assert page.locator(".scroll tr.chosen").inner_text().split() == [
        "3",
        "(chosen)",
        "0.4000",
        "0.1200",
        "0.2800",
        "±",
        "0.0100",
        "0.900",
        "80",
    ]


def test_pointing_at_a_document_shows_its_text(page, fruit_trains_music):
    point = page.locator("#map .scatterlayer .point").first
    page.locator("#map").scroll_into_view_if_needed()
    box = point.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2 + 3, box["y"] + box["height"] / 2)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector("#tip:not([hidden])")
    title, text = page.locator("#tip b").inner_text(), page.locator("#tip div").inner_text()
    assert title.startswith("Cluster ")
    assert text in fruit_trains_music
    assert re.search(r"distance \d\.\d{3}", page.locator("#tip small").inner_text())
    page.mouse.move(5, 5)
    page.wait_for_selector("#tip", state="hidden")


def test_legend_switches_clusters_off_and_on(page):
    toggle = page.locator("#legend li[data-cluster='1'] .toggle")
    size = int(page.locator("#legend li[data-cluster='1'] .count").inner_text())
    toggle.click()
    assert toggle.get_attribute("aria-pressed") == "false"
    assert visible_points(page) == 90 - size
    toggle.focus()
    page.keyboard.press("Space")
    assert toggle.get_attribute("aria-pressed") == "true"
    assert visible_points(page) == 90
    page.get_by_role("button", name="Hide all").click()
    assert visible_points(page) == 0
    page.get_by_role("button", name="Show all").click()
    assert visible_points(page) == 90


def test_search_filters_clusters_everywhere(page):
    page.keyboard.press("/")
    page.keyboard.type("violin")
    assert page.locator("#cards .card:visible").count() == 1
    assert page.locator("#legend li:visible").count() == 1
    assert visible_points(page) == 30
    assert page.locator("#matches").inner_text() == "1 of 3 clusters"
    page.locator("#search").fill("no such word")
    assert page.locator("#no-match").is_visible()
    page.keyboard.press("Escape")
    assert page.locator("#cards .card:visible").count() == 3
    assert visible_points(page) == 90


def test_cards_can_be_reordered(page):
    def numbers():
        return page.locator("#cards .card").evaluate_all("cards => cards.map(card => +card.dataset.cluster)")

    page.locator("#order").select_option("number")
    assert numbers() == [0, 1, 2]
    page.locator("#order").select_option("name")
    first_terms = page.locator("#cards .card .terms tr:first-child th").all_inner_texts()
    assert first_terms == sorted(first_terms)


def test_everything_can_be_reached_by_keyboard(page):
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the clusters"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "clusters"
    reachable = page.evaluate(
        "[...document.querySelectorAll('.toggle, .legend a, #search, #order')].every(e => e.tabIndex >= 0)"
    )
    assert reachable


def test_hostile_documents_are_shown_as_text(open_page, cluster, fruit_trains_music):
    texts = HOSTILE + fruit_trains_music[:24]
    result = cluster(texts, len(HOSTILE))
    html = render_report(result, texts, title="<script>alert(0)</script>", ids=texts, labels=texts)
    page = open_page(html)
    assert page.title() == "<script>alert(0)</script>"
    assert page.locator("script").count() == 3
    assert page.locator("img, #cards a, .documents b, .documents script, link").count() == 0
    assert HOSTILE[0] in page.locator("#cards .documents p").all_inner_texts()
    assert HOSTILE[7] in page.locator("#cards .documents p").all_inner_texts()
    shown = page.evaluate("JSON.parse(document.getElementById('data').textContent).map.text")
    assert shown[:2] == HOSTILE[:2]
    assert shown[6] == "line separator apple\ufffdnul\ufffd[31mred"
    hovered = page.evaluate(
        """() => {
          const tip = document.getElementById('tip');
          const event = new MouseEvent('mousemove', {clientX: 50, clientY: 50});
          return [0, 1, 2, 3, 4, 7].map((point) => {
            document.getElementById('map').emit('plotly_hover', {points: [{customdata: point}], event});
            return [tip.querySelectorAll('*').length, tip.querySelector('div').textContent];
          });
        }"""
    )
    assert hovered == [[3, HOSTILE[point]] for point in (0, 1, 2, 3, 4, 7)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_background(open_page, cluster, fruit_trains_music, scheme):
    html = render_report(cluster(fruit_trains_music), fruit_trains_music)
    page = open_page(html, color_scheme=scheme)
    channels = page.evaluate(
        """() => ['.card p', '.note', '.terms .weight', '.kicker', '.legend .name'].map((selector) => {
          const element = document.querySelector(selector);
          const panel = element.closest('.panel') ?? document.body;
          return [getComputedStyle(element).color, getComputedStyle(panel).backgroundColor];
        })"""
    )
    for text, background in channels:
        assert contrast(text, background) >= 4.5, (text, background)


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two css colours (WCAG 2.2), from 1 to 21."""

    def luminance(colour: str) -> float:
        parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("width", [320, 768, 1920])
def test_no_width_needs_sideways_scrolling(open_page, cluster, fruit_trains_music, width):
    texts = ["x" * 3000, "云计算" * 300, *fruit_trains_music]
    html = render_report(cluster(texts, 5), texts, title="t" * 200, ids=["i" * 200] * len(texts))
    page = open_page(html, viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_numbers_are_not_broken_on_a_phone(open_page, cluster, fruit_trains_music):
    html = render_report(cluster(fruit_trains_music, labels=["a", "b", "c"] * 30), fruit_trains_music)
    page = open_page(html, viewport={"width": 390, "height": 800})
    heights = page.locator(".scores td, .seconds td:last-child").evaluate_all(
        "cells => cells.map(cell => { const range = document.createRange(); range.selectNodeContents(cell); "
        "return range.getClientRects().length; })"
    )
    assert len(heights) > 10
    assert set(heights) == {1}


def test_one_and_two_hundred_clusters(open_page, cluster, fruit_trains_music):
    page = open_page(render_report(cluster(fruit_trains_music, 1), fruit_trains_music))
    assert page.locator("#cards .card").count() == 1
    many = [f"{text} word{row}" for row in range(5) for text in fruit_trains_music]
    page = open_page(render_report(cluster(many, 200), many))
    assert page.locator("#cards .card").count() == 200
    assert page.locator("#legend li").count() == 200


def open_cards(page) -> int:
    return page.locator("#cards details[open]").count()


def test_cards_of_many_clusters_are_closed_until_they_are_wanted(open_page, cluster, fruit_trains_music):
    few = open_page(render_report(cluster(fruit_trains_music, 12), fruit_trains_music))
    assert open_cards(few) == 12
    page = open_page(render_report(cluster(fruit_trains_music, 13), fruit_trains_music))
    assert open_cards(page) == 0
    first = page.locator("#cards .card").first
    assert first.locator(".closed").inner_text().split() == first.locator(".terms th").all_text_contents()
    last = page.locator("#legend li a").last
    last.click()
    assert open_cards(page) == 1
    assert page.locator(f"{last.get_attribute('href')} .documents").is_visible()
    page.locator("#search").fill("number 17")
    assert page.locator("#cards .card:visible").count() >= 1
    page.locator("#search").fill("")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert open_cards(page) == 13
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert open_cards(page) == 1
    page.get_by_role("button", name="Open all cards").click()
    assert open_cards(page) == 13
    page.get_by_role("button", name="Close all cards").click()
    assert open_cards(page) == 0


def test_cards_are_headed_by_the_name_of_their_cluster(page):
    headings = page.locator("#cards h3").all_inner_texts()
    legend = page.locator("#legend .name").all_inner_texts()
    assert [" ".join(heading.split()) for heading in headings] == [
        f"{name} cluster {number}"
        for name, number in zip(legend, page.locator("#legend .id").all_inner_texts(), strict=True)
    ]


def test_prints_in_light_colours_without_controls(page):
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator(".tools").is_hidden()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert len(page.pdf()) > 10_000


def test_noise_and_the_tree_of_the_clusters_are_drawn(open_page, fruit_trains_music):
    texts = [*fruit_trains_music, *HOSTILE[:4]]
    noisy = cluster_texts(
        texts, clusterer="dbscan", clusterer_options={"eps": 0.7}, min_df=1, max_df=1.0, stop_words=None
    )
    page = open_page(render_report(noisy, texts))
    n_noise = int(noisy.metrics["n_noise"])
    assert n_noise > 0
    assert page.locator("#cards .card").last.inner_text().startswith("Noise")
    assert page.locator("#legend li").last.inner_text().split()[-1] == str(n_noise)
    assert f"in no cluster\n{n_noise}\n" in page.locator(".facts").inner_text()
    assert visible_points(page) == len(texts)
    page.locator("#legend .toggle").last.click()
    assert visible_points(page) == len(texts) - n_noise
    assert page.locator("#dendrogram").count() == 0

    tree = cluster_texts(texts, clusterer="average", n_clusters=7, min_df=1, max_df=1.0, stop_words=None)
    page = open_page(render_report(tree, texts))
    leaves = page.locator("#dendrogram .ytick").all_text_contents()
    assert len(leaves) == 7
    assert sum(int(leaf.rpartition("(")[2][:-1]) for leaf in leaves) == len(texts)
    assert page.locator("#dendrogram .scatterlayer path.js-line").count() == 6  # merges
