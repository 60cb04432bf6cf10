"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const COLOURS = ["#4269d0", "#e89c0c", "#e8553f", "#2a9d8f", "#a463f2", "#e0629a", "#9c6b4e", "#7d8590"];
  const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "cross", "x", "triangle-down", "pentagon", "star", "hexagon"];
  const ink = () => (dark.matches ? { text: "#e6e8ed", muted: "#9ba2b0", line: "#2b2f38", panel: "#1a1d23" } : { text: "#1c1e24", muted: "#626875", line: "#e3e3dd", panel: "#ffffff" });
  // Plotly reads a few HTML tags and entities in its texts: none of them may come from a name.
  const escapeMarkup = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const names = data.names.map(escapeMarkup);
  const layout = () => {
    const { text, muted, line, panel } = ink();
    return {
      axis: { gridcolor: line, linecolor: line, zerolinecolor: line, fixedrange: true },
      shared: {
        paper_bgcolor: "rgba(0,0,0,0)",
        plot_bgcolor: "rgba(0,0,0,0)",
        font: { family: getComputedStyle(document.body).fontFamily, color: muted },
        hoverlabel: { bgcolor: panel, bordercolor: line, font: { color: text } },
      },
    };
  };
  const config = { displayModeBar: false, responsive: true };

  // One dot for each score of each combination, with the lowest and the highest of its seeds.
  function drawScores() {
    const { axis, shared } = layout();
    const traces = Object.entries(data.scores).map(([score, values], number) => ({
      type: "scatter",
      mode: "markers",
      name: score,
      x: values.map((value) => value && value.mean),
      y: names.map((_, row) => row),
      error_x: { type: "data", symmetric: false, array: values.map((value) => (value ? value.high - value.mean : 0)), arrayminus: values.map((value) => (value ? value.mean - value.low : 0)), thickness: 1.4, width: 3 },
      marker: { color: COLOURS[number % COLOURS.length], symbol: SYMBOLS[number % SYMBOLS.length], size: 10 },
      text: names,
      hovertemplate: `%{text}<br>${score} %{x:.3f}<extra></extra>`,
    }));
    Plotly.react(byId("scores"), traces, {
      ...shared,
      margin: { l: 10, r: 16, t: 40, b: 44 },
      xaxis: { ...axis },
      yaxis: { ...axis, tickvals: names.map((_, row) => row), ticktext: names, tickfont: { color: ink().text }, range: [names.length - 0.5, -0.5], automargin: true, zeroline: false },
      legend: { orientation: "h", x: 0, y: 1, yanchor: "bottom" },
    }, config);
  }

  // The first score against the seconds: a colour for each encoder, a symbol for each clusterer.
  function drawCost() {
    const { axis, shared } = layout();
    const [score, values] = Object.entries(data.scores)[0] ?? ["", []];
    const encoders = [...new Set(data.encoders)];
    const clusterers = [...new Set(data.clusterers)];
    const traces = names.map((name, row) => ({
      type: "scatter",
      mode: "markers",
      name,
      x: [Math.max(data.seconds[row], 1e-3)],
      y: [values[row] && values[row].mean],
      marker: { size: 12, color: COLOURS[encoders.indexOf(data.encoders[row]) % COLOURS.length], symbol: SYMBOLS[clusterers.indexOf(data.clusterers[row]) % SYMBOLS.length] },
      hovertemplate: `${name.replace(/%/g, "&#37;")}<br>${score} %{y:.3f}, %{x:.2f} s<extra></extra>`,
    }));
    Plotly.react(byId("cost"), traces, {
      ...shared,
      margin: { l: 56, r: 16, t: 10, b: 44 },
      xaxis: { ...axis, type: "log", dtick: "D2", title: { text: "seconds to encode and cluster" } },
      yaxis: { ...axis, title: { text: score }, rangemode: "tozero" },
      legend: innerWidth < 700 ? { orientation: "h", x: 0, y: -0.2, yanchor: "top" } : {},
    }, config);
  }

  const redraw = () => {
    if (!names.length) return;
    drawScores();
    drawCost();
  };
  redraw();
  dark.addEventListener("change", redraw);
  document.documentElement.dataset.ready = "true";
})();
