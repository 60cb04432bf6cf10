"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  // Plotly reads markup in its texts.
  const escapeMarkup = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const ink = () =>
    dark.matches
      ? { text: "#e6e8ed", muted: "#9ba2b0", line: "#2b2f38", panel: "#1a1d23" }
      : { text: "#1c1e24", muted: "#626875", line: "#e3e3dd", panel: "#ffffff" };

  function layout(more) {
    const { text, muted, line, panel } = ink();
    return {
      margin: { l: 56, r: 24, t: 24, b: 44 },
      hoverlabel: { bgcolor: panel, bordercolor: line, font: { color: text } },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, color: muted },
      ...more,
    };
  }
  const axis = (more) => ({ gridcolor: ink().line, linecolor: ink().line, zerolinecolor: ink().line, ...more });
  const config = { displayModeBar: false, responsive: true };

  const MARGIN = { l: 30, r: 30, t: 30, b: 20 };
  const WIDE = 1.2, HIGH = 1.25; // the map shows [-WIDE, WIDE] x [-HIGH, HIGH]; the topics lie in [-1, 1]

  const NAME_HEIGHT = 24; // with its halo
  const overlap = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  const covers = (box, circle) => Math.hypot(Math.max(box.left - circle.x, 0, circle.x - box.right), Math.max(box.top - circle.y, 0, circle.y - box.bottom)) < circle.radius;

  // The names of the topics beside their circles, inside of the map, the largest topics first: the first term alone where
  // the whole name would cover another name or circle on every side, and none where that would.
  function namesOf(diameter) {
    const { map } = data;
    const width = (byId("map").clientWidth || 700) - MARGIN.l - MARGIN.r;
    const height = (byId("map").clientHeight || 450) - MARGIN.t - MARGIN.b;
    const pen = document.createElement("canvas").getContext("2d");
    pen.font = `600 11px ${getComputedStyle(document.body).fontFamily}`;
    const circles = map.x.map((x, k) => ({ x: ((x + WIDE) / (2 * WIDE)) * width, y: ((HIGH - map.y[k]) / (2 * HIGH)) * height, radius: diameter(map.share[k]) / 2 }));
    const placed = [];
    const fits = (box, k) => box.left >= -MARGIN.l && box.right <= width + MARGIN.r && box.top >= -MARGIN.t && box.bottom <= height + MARGIN.b
      && !placed.some((other) => overlap(box, other)) && !circles.some((circle, number) => number !== k && covers(box, circle));
    const besides = (k, text) => {
      const { x, y, radius } = circles[k], half = pen.measureText(text).width / 2 + 4, away = radius + NAME_HEIGHT / 2;
      const inside = Math.max(half - MARGIN.l, Math.min(x, width + MARGIN.r - half));
      const sides = [[inside, y - away], [inside, y + away], [x + radius + half, y], [x - radius - half, y]];
      return sides.map(([atX, atY]) => ({ k, text, x: atX, y: atY, left: atX - half, right: atX + half, top: atY - NAME_HEIGHT / 2, bottom: atY + NAME_HEIGHT / 2 }));
    };
    for (const k of [...circles.keys()].sort((a, b) => map.share[b] - map.share[a])) {
      const box = [...besides(k, map.name[k]), ...besides(k, map.term[k])].find((tried) => fits(tried, k));
      if (box) placed.push(box);
    }
    return placed.map(({ k, text, x, y }) => ({ x: map.x[k], y: map.y[k], xshift: x - circles[k].x, yshift: circles[k].y - y, text: escapeMarkup(text), showarrow: false, captureevents: false, font: { size: 11, color: ink().text } }));
  }

  function drawMap() {
    const { map } = data;
    const largest = Math.max(...map.share, 1e-9);
    const named = map.name.map((name) => escapeMarkup(name));
    const diameter = (share) => 8 + 42 * Math.sqrt(share / largest);
    Plotly.react(byId("map"), [{
      type: "scatter",
      mode: "markers",
      x: map.x,
      y: map.y,
      customdata: named.map((name, k) => [k, name, (100 * map.share[k]).toFixed(1)]),
      hovertemplate: "topic %{customdata[0]}: %{customdata[1]}<br>%{customdata[2]} %<extra></extra>",
      marker: { size: map.share.map(diameter), color: map.colour, opacity: 0.75, line: { width: 1, color: ink().panel } },
      cliponaxis: false,
    }], layout({
      margin: MARGIN,
      xaxis: axis({ showticklabels: false, range: [-WIDE, WIDE], zeroline: false }),
      yaxis: axis({ showticklabels: false, range: [-HIGH, HIGH], zeroline: false }),
      showlegend: false,
      annotations: namesOf(diameter),
    }), config);
  }

  function drawCourse() {
    const found = data.over_time;
    if (!found) return;
    const shares = found.topics.map((topic) => ({
      type: "scatter",
      mode: "lines+markers", // a period between empty ones has no line
      x: found.starts,
      y: topic.shares,
      name: escapeMarkup(topic.name),
      line: { color: topic.colour, width: 2 },
      marker: { size: 5 },
    }));
    const sizes = { type: "bar", x: found.starts, y: found.sizes, yaxis: "y2", name: "documents", showlegend: false, marker: { color: ink().muted } };
    Plotly.react(byId("over-time"), [...shares, sizes], layout({
      xaxis: axis({ type: "date", anchor: "y2" }),
      yaxis: axis({ title: { text: "mean share" }, rangemode: "tozero", tickformat: ".0%", domain: [0.3, 1] }),
      yaxis2: axis({ title: { text: "documents", font: { size: 11 } }, rangemode: "tozero", nticks: 3, domain: [0, 0.2] }),
      hovermode: "x unified",
      legend: { orientation: "h", y: -0.2 },
    }), config);
  }

  function drawSearch() {
    const found = data.search;
    if (!found) return;
    const panels = [["perplexity", "x", "y"], ["npmi", "x2", "y2"], ["diversity", "x2", "y2"], ["stability", "x2", "y2"]];
    const colours = ["#e8553f", "#4269d0", "#e89c0c", "#3ca951"];
    const traces = panels.map(([name, xaxis, yaxis], number) => ({
      type: "scatter",
      mode: "lines+markers",
      x: found.n_topics,
      y: found.curves[name].mean,
      error_y: { array: found.curves[name].error, thickness: 1.2 },
      name,
      xaxis,
      yaxis,
      line: { color: colours[number], width: 2 },
    }));
    const numbers = { title: { text: "topics" }, type: "log", tickvals: found.n_topics, ticktext: found.n_topics.map(String) };
    const chosen = (xref, yref) => ({ type: "line", xref, yref: `${yref} domain`, x0: found.chosen, x1: found.chosen, y0: 0, y1: 1, line: { color: ink().muted, dash: "dot", width: 1.5 } });
    Plotly.react(byId("search"), traces, layout({
      grid: { rows: 1, columns: 2, pattern: "independent" },
      xaxis: axis(numbers),
      xaxis2: axis(numbers),
      yaxis: axis({ title: { text: "held-out perplexity" } }),
      yaxis2: axis({ rangemode: "tozero" }),
      shapes: [chosen("x", "y"), chosen("x2", "y2")],
      legend: { orientation: "h", x: 0, y: 1, yanchor: "bottom" },
    }), config);
  }

  const redraw = () => { drawMap(); drawCourse(); drawSearch(); };
  redraw();
  byId("map").on("plotly_click", (event) => { location.hash = `topic-${event.points[0].customdata[0]}`; });
  dark.addEventListener("change", redraw);

  const openCard = () => {
    const content = location.hash && byId(location.hash.slice(1))?.querySelector("details");
    if (content) content.open = true;
  };
  openCard();
  addEventListener("hashchange", openCard);
  let closed = []; // cards that are open on paper alone
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll(".card details:not([open])")];
    closed.forEach((content) => { content.open = true; });
  });
  addEventListener("afterprint", () => closed.forEach((content) => { content.open = false; }));
  document.documentElement.dataset.ready = "true";
})();
