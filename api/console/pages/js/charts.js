// Charts are Vega-Lite specifications, drawn by Vega's own bundle, which is loaded only where something is drawn.

import { h, replace } from "./dom.js";

const SMALLER = 0.8;
const WIDEST = 2.5;
const NARROW = 480;
let bundle = null;
const specs = new Map();

function load() {
  bundle ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = "/console/vega.js";
    script.onload = () => resolve(window.vegaEmbed);
    script.onerror = () => { bundle = null; reject(new Error("the charts could not be loaded")); };
    document.head.append(script);
  });
  return bundle;
}

async function specification(name) {
  if (!specs.has(name)) {
    const response = await fetch(`/console/specs/${name}.json`, { credentials: "omit" });
    if (!response.ok) throw new Error(`there is no chart ${name}`);
    specs.set(name, await response.json());
  }
  return structuredClone(specs.get(name));
}

function colours() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(["text", "soft", "line", "good", "bad", "wait", "run", "accent", "ground", "none", "least", "most"]
    .map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

// Draws rows into an element; `label` is what a reader who cannot see it is told, `more` what else a map has.
// A page says the same in words: it goes on without a chart that cannot be loaded. What was drawn, or null.
export async function draw(element, name, rows, label, more = {}) {
  try {
    return await drawn(element, name, rows, label, more);
  } catch (error) {
    console.warn(error);
    replace(element, h("p", { class: "soft" }, `No chart: ${error.message}.`));
    return null;
  }
}

// As wide as there is room, labels and all; a map keeps its form.
function fit(spec, room) {
  if (typeof spec.width !== "number" || !room) return;
  const width = Math.min(room, spec.width * (spec.projection ? 1.4 : WIDEST));
  // There is no room for the names of steps.
  if (width < NARROW && spec.layer?.at(-1).mark.type === "text") spec.layer.pop();
  if (spec.projection) spec.height *= Math.min(width / spec.width, 1.4);
  Object.assign(spec, { width, autosize: { type: "fit-x", contains: "padding" } });
}

async function drawn(element, name, rows, label, more) {
  const [embed, spec] = await Promise.all([load(), specification(name)]);
  const shade = colours();
  const size = parseFloat(getComputedStyle(document.documentElement).fontSize) * SMALLER;
  const words = { labelFontSize: size, titleFontSize: size, titleFontWeight: "normal" };
  fit(spec, element.clientWidth);
  for (const one of spec.params || []) if (one.name === "ink") one.value = shade.text;
  const config = {
    style: { step: { fontSize: size, color: shade.ground } },
    background: null, view: { stroke: null }, font: "system-ui, sans-serif",
    axis: { ...words, labelColor: shade.soft, titleColor: shade.soft, gridColor: shade.line, domainColor: shade.line, tickColor: shade.line },
    legend: { ...words, columns: element.clientWidth < NARROW ? 2 : undefined, labelColor: shade.text, titleColor: shade.soft }, title: { color: shade.text },
    mark: { color: shade.accent }, geoshape: { stroke: shade.soft, fill: shade.soft },
    // The more, the further from the ground.
    range: { category: [shade.good, shade.bad, shade.run, shade.wait, shade.none], heatmap: [shade.least, shade.most] },
  };
  const filled = { ...spec, datasets: { ...spec.datasets, rows, ...more }, description: label, config };
  element.setAttribute("role", "img");
  element.setAttribute("aria-label", label);
  const options = { ast: true, actions: false, renderer: "svg", defaultStyle: false, tooltip: false, logLevel: 1 };
  return (await embed(element, filled, options)).view;
}
