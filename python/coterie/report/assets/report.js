"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const map = byId("map");
  const MARGIN = 1.1; // the map shows [-MARGIN, MARGIN]; the points lie in [-1, 1]
  const TOOLS = 28; // pixels kept free for Plotly's buttons
  const legendItems = [...document.querySelectorAll("#legend li")];
  const cards = [...document.querySelectorAll("#cards .card")];
  const hidden = new Set(); // clusters switched off in the legend
  let matching = null; // clusters found by the search; null without a search
  let printing = false;

  const ink = () =>
    dark.matches && !printing
      ? { text: "#e6e8ed", muted: "#9ba2b0", line: "#2b2f38", panel: "#1a1d23" }
      : { text: "#1c1e24", muted: "#626875", line: "#e3e3dd", panel: "#ffffff" };
  const clusterOf = (element) => Number(element.dataset.cluster);
  const isShown = (cluster) => !hidden.has(cluster) && (matching === null || matching.has(cluster));

  // ---- the map -----------------------------------------------------------------------------------------------
  const points = data.map.clusters.map(() => []);
  data.map.cluster.forEach((cluster, point) => points[cluster].push(point));
  const config = { displaylogo: false, responsive: true, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] };
  const pointSize = data.map.x.length > 1200 ? 5.5 : data.map.x.length > 300 ? 7 : 9;

  function traces() {
    return data.map.clusters.map((cluster, number) => ({
      type: "scatter",
      mode: "markers",
      x: points[number].map((point) => data.map.x[point]),
      y: points[number].map((point) => data.map.y[point]),
      customdata: points[number],
      hoverinfo: "none", // shown in #tip, as text
      showlegend: false,
      visible: isShown(number),
      marker: { color: cluster.colour, symbol: cluster.symbol, size: pointSize, opacity: 0.8, line: { width: 0.6, color: ink().panel } },
    }));
  }

  const quantile = (values, share) => values.slice().sort((a, b) => a - b)[Math.floor((values.length - 1) * share)];
  const letterWidth = (letter) => (letter.charCodeAt(0) > 0x2e7f ? 13 : 7);

  // The names of the largest clusters, above them; left out where a name would cover another.
  function names() {
    const { text } = ink();
    const boxes = [];
    const width = map.clientWidth || 700;
    const height = (map.clientHeight || 500) - TOOLS;
    const bySize = points.map((_, number) => number).sort((a, b) => points[b].length - points[a].length);
    for (const number of bySize) {
      const label = data.map.clusters[number].name;
      if (!label || !points[number].length || !isShown(number)) continue;
      const half = [...label].reduce((sum, letter) => sum + letterWidth(letter), 10) / 2;
      const middle = quantile(points[number].map((point) => data.map.x[point]), 0.5);
      const top = quantile(points[number].map((point) => data.map.y[point]), 0.9);
      const x = Math.max(half, Math.min(((middle + MARGIN) / (2 * MARGIN)) * width, width - half));
      const y = ((MARGIN - top) / (2 * MARGIN)) * height;
      if (boxes.some((box) => Math.abs(x - box.x) < half + box.half && Math.abs(y - box.y) < 19)) continue;
      boxes.push({ x, y, half, label, left: (x / width) * 2 * MARGIN - MARGIN, top });
      if (boxes.length === 30) break;
    }
    return boxes.map((box) => ({ x: box.left, y: box.top, yanchor: "bottom", text: escapeMarkup(box.label), showarrow: false, captureevents: false, font: { size: 12, color: text } }));
  }

  // Plotly reads a few HTML tags and entities in its texts: none of them may come from a document.
  const escapeMarkup = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

  function mapLayout() {
    const { muted } = ink();
    const axis = { visible: false, range: [-MARGIN, MARGIN], fixedrange: false };
    return {
      margin: { l: 0, r: 0, t: TOOLS, b: 0 },
      xaxis: { ...axis },
      yaxis: { ...axis },
      hovermode: "closest",
      hoverdistance: 12,
      dragmode: "zoom",
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, color: muted },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: muted, activecolor: muted },
      annotations: names(),
    };
  }

  const drawMap = () => Plotly.react(map, traces(), mapLayout(), config);

  const tip = byId("tip");
  function showTip(event) {
    const point = event.points[0].customdata;
    const cluster = data.map.cluster[point];
    const title = document.createElement("b");
    title.textContent = `${data.map.clusters[cluster].title}${data.map.clusters[cluster].name ? ": " + data.map.clusters[cluster].name : ""}`;
    const text = document.createElement("div");
    text.dir = "auto";
    text.textContent = data.map.text[point] || "(empty document)";
    const where = document.createElement("small");
    const distance = data.map.distance[point];
    where.textContent = data.map.name[point] + (distance === null ? "" : ` · distance ${distance.toFixed(3)}`);
    tip.replaceChildren(title, text, where);
    tip.style.setProperty("--colour", data.map.clusters[cluster].colour);
    tip.hidden = false;
    const { clientX, clientY } = event.event;
    const box = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(8, Math.min(clientX + 14, innerWidth - box.width - 8))}px`;
    tip.style.top = `${clientY + 18 + box.height > innerHeight ? Math.max(8, clientY - box.height - 12) : clientY + 18}px`;
  }

  // ---- legend, search, order -----------------------------------------------------------------------------------
  function update() {
    for (const item of legendItems) {
      const cluster = clusterOf(item);
      item.hidden = matching !== null && !matching.has(cluster);
      item.querySelector(".toggle").setAttribute("aria-pressed", String(!hidden.has(cluster)));
    }
    for (const card of cards) card.hidden = matching !== null && !matching.has(clusterOf(card));
    byId("matches").textContent = matching === null ? "" : `${matching.size} of ${cards.length} clusters`;
    byId("no-match").hidden = matching === null || matching.size > 0;
    drawMap();
  }

  const searchable = new Map(cards.map((card) => [clusterOf(card), card.textContent.toLowerCase()]));
  function search() {
    const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = [...searchable].filter(([, text]) => words.every((word) => text.includes(word)));
    matching = words.length ? new Set(found.map(([cluster]) => cluster)) : null;
    update();
  }

  const distanceOf = (card) => (card.dataset.distance === "" ? Infinity : Number(card.dataset.distance));
  const firstTerm = (card) => card.querySelector(".terms th")?.textContent ?? "\uffff";
  const orders = {
    size: (a, b) => b.dataset.size - a.dataset.size || clusterOf(a) - clusterOf(b),
    number: (a, b) => clusterOf(a) - clusterOf(b),
    distance: (a, b) => distanceOf(a) - distanceOf(b) || clusterOf(a) - clusterOf(b),
    name: (a, b) => firstTerm(a).localeCompare(firstTerm(b)) || clusterOf(a) - clusterOf(b),
  };
  function reorder() {
    cards.sort(orders[byId("order").value]);
    byId("cards").append(...cards);
  }

  // What the cards hold below their names.
  const contents = cards.map((card) => card.querySelector("details")).filter(Boolean);
  const openAll = (open) => contents.forEach((content) => { content.open = open; });
  byId("unfold").addEventListener("click", ({ currentTarget: button }) => {
    const open = button.textContent.startsWith("Open");
    button.textContent = `${open ? "Close" : "Open"} all cards`;
    openAll(open);
  });
  const openCard = (hash) => {
    const content = hash && byId(hash.slice(1))?.querySelector("details");
    if (content) content.open = true;
  };
  byId("legend").addEventListener("click", (event) => openCard(event.target.closest("a")?.hash));
  addEventListener("hashchange", () => openCard(location.hash));

  for (const item of legendItems) {
    const cluster = clusterOf(item);
    item.querySelector(".toggle").addEventListener("click", () => {
      if (!hidden.delete(cluster)) hidden.add(cluster);
      update();
    });
  }
  byId("show-all").addEventListener("click", () => { hidden.clear(); update(); });
  byId("hide-all").addEventListener("click", () => { legendItems.forEach((item) => hidden.add(clusterOf(item))); update(); });
  byId("search").addEventListener("input", search);
  byId("order").addEventListener("change", reorder);
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
    if (event.key === "/" && !typing) { event.preventDefault(); byId("search").focus(); }
    if (event.key === "Escape" && document.activeElement === byId("search")) { byId("search").value = ""; search(); }
    if (event.key === "Escape") tip.hidden = true;
  });

  // ---- the search for the number of clusters --------------------------------------------------------------------
  function drawSearch() {
    const found = data.k_search;
    if (!found) return;
    const { text, muted, line } = ink();
    const curve = (name, y, color, dash, more) => ({ type: "scatter", mode: "lines+markers", name, x: found.n_clusters, y, line: { color, dash, width: 2 }, marker: { size: 6 }, ...more });
    const curves = [
      curve("silhouette", found.silhouette, "#4269d0", "solid"),
      curve("of shuffled documents", found.shuffled_silhouette, "#7d8590", "dot"),
      curve("gap", found.gap, "#e89c0c", "solid", { error_y: { array: found.gap_error, thickness: 1.2 } }),
      curve("stability (right)", found.stability, "#3ca951", "dash", { yaxis: "y2" }),
    ];
    const axis = { gridcolor: line, linecolor: line, zerolinecolor: line, fixedrange: true };
    Plotly.react(byId("k-search"), curves, {
      margin: { l: 56, r: 48, t: 44, b: 44 },
      xaxis: { ...axis, title: { text: "clusters" }, type: "log", tickvals: found.n_clusters, ticktext: found.n_clusters.map(String) },
      yaxis: { ...axis, title: { text: "silhouette, gap" }, rangemode: "tozero" },
      yaxis2: { ...axis, overlaying: "y", side: "right", range: [0, 1.05], tickvals: [0, 0.25, 0.5, 0.75, 1], showgrid: false },
      legend: { orientation: "h", x: 0, y: 1, yanchor: "bottom" },
      shapes: [{ type: "line", x0: found.chosen, x1: found.chosen, yref: "paper", y0: 0, y1: 1, line: { color: muted, dash: "dot", width: 1.5 } }],
      hovermode: "x unified",
      hoverlabel: { bgcolor: ink().panel, bordercolor: line, font: { color: text } },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, color: muted },
    }, { displayModeBar: false, responsive: true });
  }

  // ---- the tree of the clusters ----------------------------------------------------------------------------------
  function drawTree() {
    const tree = data.dendrogram;
    if (!tree) return;
    const { text, muted, line } = ink();
    const shorter = (name) => (name.length > 44 ? name.slice(0, 43) + "…" : name);
    const names = tree.names.map((name) => escapeMarkup(innerWidth < 700 ? shorter(name) : name));
    Plotly.react(byId("dendrogram"), [{ type: "scatter", mode: "lines", x: tree.x, y: tree.y, line: { color: "#4269d0", width: 1.6 }, hoverinfo: "x" }], {
      margin: { l: 10, r: 16, t: 8, b: 44 },
      xaxis: { title: { text: "distance" }, range: [0, 1.03 * Math.max(...tree.x)], gridcolor: line, zerolinecolor: line, fixedrange: true },
      yaxis: { tickvals: names.map((_, leaf) => leaf), ticktext: names, tickfont: { color: text, size: 12 }, range: [names.length - 0.5, -0.5], automargin: true, showgrid: false, zeroline: false, fixedrange: true },
      showlegend: false,
      hoverlabel: { bgcolor: ink().panel, bordercolor: line, font: { color: text } },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, color: muted },
    }, { displayModeBar: false, responsive: true });
  }

  // ---- start -----------------------------------------------------------------------------------------------------
  const redraw = () => { drawMap(); drawSearch(); drawTree(); };
  redraw();
  openCard(location.hash);
  map.on("plotly_hover", showTip);
  map.on("plotly_click", showTip);
  map.on("plotly_unhover", () => { tip.hidden = true; });
  dark.addEventListener("change", redraw);
  let closed = []; // cards that are open on paper alone
  addEventListener("beforeprint", () => {
    printing = true;
    closed = contents.filter((content) => !content.open);
    openAll(true);
    redraw();
  });
  addEventListener("afterprint", () => {
    printing = false;
    closed.forEach((content) => { content.open = false; });
    redraw();
  });
  document.documentElement.dataset.ready = "true";
})();
