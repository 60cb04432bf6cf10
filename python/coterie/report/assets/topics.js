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

  // The names of the topics above their circles, inside of the map; left out where one would cover a larger topic's.
  function namesOf(named, diameter) {
    const { map } = data;
    const width = (byId("map").clientWidth || 700) - MARGIN.l - MARGIN.r;
    const height = (byId("map").clientHeight || 450) - MARGIN.t - MARGIN.b;
    const pen = document.createElement("canvas").getContext("2d");
    pen.font = `600 11px ${getComputedStyle(document.body).fontFamily}`;
    const boxes = [];
    for (const k of named.map((_, number) => number).sort((a, b) => map.share[b] - map.share[a])) {
      const half = pen.measureText(map.name[k]).width / 2 + 4;
      const middle = ((map.x[k] + WIDE) / (2 * WIDE)) * width;
      const x = Math.max(half - MARGIN.l, Math.min(middle, width + MARGIN.r - half));
      const y = ((HIGH - map.y[k]) / (2 * HIGH)) * height - diameter(map.share[k]) / 2;
      if (boxes.some((box) => Math.abs(x - box.x) < half + box.half && Math.abs(y - box.y) < 22)) continue;
      boxes.push({ k, x, y, half, shift: x - middle });
    }
    return boxes.map(({ k, shift }) => ({ x: map.x[k], y: map.y[k], xshift: shift, yshift: diameter(map.share[k]) / 2, yanchor: "bottom", text: named[k], showarrow: false, captureevents: false, font: { size: 11, color: ink().text } }));
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
      annotations: namesOf(named, diameter),
    }), config);
  }

  function drawCourse() {
    const found = data.over_time;
    if (!found) return;
    Plotly.react(byId("over-time"), found.topics.map((topic) => ({
      type: "scatter",
      mode: "lines+markers", // a period between empty ones has no line
      x: found.starts,
      y: topic.shares,
      name: escapeMarkup(topic.name),
      line: { color: topic.colour, width: 2 },
      marker: { size: 5 },
    })), layout({
      xaxis: axis({ type: "date" }),
      yaxis: axis({ title: { text: "mean share" }, rangemode: "tozero", tickformat: ".0%" }),
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
  document.documentElement.dataset.ready = "true";
})();
