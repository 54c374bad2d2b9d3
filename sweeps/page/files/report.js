"use strict";
const charts = JSON.parse(document.getElementById("charts").textContent);

function colours() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(name).trim();
  return { text: of("--text"), line: of("--line"), ground: of("--ground") };
}

function dressed(layout) {
  const { text, line, ground } = colours();
  const narrow = window.matchMedia("(max-width: 40rem)").matches;
  const side = { gridcolor: line, linecolor: line, zerolinecolor: line };
  return {
    ...layout,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: text, size: 12, family: "system-ui, sans-serif" },
    hoverlabel: { bgcolor: ground, bordercolor: line, font: { color: text } },
    margin: { l: narrow ? 48 : 64, r: 16, t: 12, b: 48 },
    legend: { orientation: "h", y: -0.22, x: 0, yanchor: "top" },
    xaxis: { ...side, ...layout.xaxis },
    yaxis: { ...side, ...layout.yaxis },
  };
}

function draw() {
  const options = { responsive: true, displaylogo: false, displayModeBar: false };
  for (const [key, chart] of Object.entries(charts)) {
    Plotly.react(key, chart.data, dressed(chart.layout), options);
  }
}

draw();
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
window.matchMedia("(max-width: 40rem)").addEventListener("change", draw);
window.matchMedia("print").addEventListener("change", draw);

// On paper nothing can be unfolded.
const folded = () => [...document.querySelectorAll("details:not([open])")];
let unfolded = [];
window.addEventListener("beforeprint", () => {
  unfolded = folded();
  unfolded.forEach((each) => { each.open = true; });
});
window.addEventListener("afterprint", () => { unfolded.forEach((each) => { each.open = false; }); });
