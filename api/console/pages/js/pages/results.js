// Published tables as people want to see them: per day or year, the top areas, the rows, and as a file.

import { all, get } from "../api.js";
import { plane, points, shapes } from "../areas.js";
import { draw } from "../charts.js";
import { h, replace, say, table } from "../dom.js";
import { answering } from "../map.js";
import { count } from "../words.js";

const SHOWN = 50;
const CANOPY = "30";
const THRESHOLDS = ["10", "15", "20", "25", "30", "50", "75"];
const DATES = ["alert__date", "gfw_integrated_alerts__date", "umd_glad_landsat_alerts__date", "umd_tree_cover_loss__year"];
const MOST = 2000;
const FILE_PAGES = 50;
const TOP = 15;
const NUMBERS = new Set(["numeric", "integer", "bigint", "smallint", "double precision"]);
// An area is told by all of its id columns: the second district of one province is not that of another.
const IDS = [["iso", "adm1", "adm2"], ["iso", "adm1"], ["iso"], ["wdpa_protected_area__id"], ["geostore__id"], ["feature__id"]];

export async function show(root, { argument, query, signal }) {
  if (argument) await one(root, argument.split("/"), query, signal);
  else await list(root, query, signal);
}

async function list(root, query, signal) {
  const contains = query.get("contains") || "";
  const submit = (event) => {
    event.preventDefault();
    const text = new FormData(event.target).get("contains").trim();
    location.hash = text ? `#/results?${new URLSearchParams({ contains: text })}` : "#/results";
  };
  const part = h("section", {}, h("p", { class: "soft" }, "Reading …"));
  replace(root, h("h1", {}, "Results"),
    h("form", { class: "filters", onsubmit: submit, role: "search", "aria-label": "Filter" },
      h("label", {}, "Name contains", h("input", { name: "contains", value: contains, autocomplete: "off" })),
      h("button", { type: "submit", class: "main" }, "Filter"), h("a", { href: "#/results" }, "Clear")), part);
  const found = await all("/results", { contains }, signal);
  const rows = found.items.map((item) => [
    h("span", {}, item.dataset), item.versions.slice(-5).reverse().map((version) => [h("a", { href: `#/results/${encodeURIComponent(item.dataset)}/${encodeURIComponent(version)}` }, version), " "]),
  ]);
  replace(part, table(count(rows.length, "result dataset"), ["dataset", "versions"], rows, "Nothing is published yet."));
}

async function one(root, [dataset, version], query, signal) {
  const path = `/results/${encodeURIComponent(dataset)}/${encodeURIComponent(version)}`;
  const about = await get(path, {}, signal);
  const numbers = about.columns.filter((column) => NUMBERS.has(column.type) && /__(count|ha|Mg|MW|K)$|__ha__|__Mg/.test(column.name)).map((column) => column.name);
  const names = about.columns.map((column) => column.name);
  const measure = query.get("sum") || numbers[0] || "";
  const time = DATES.find((name) => names.includes(name)) || names.find((name) => /__date$/.test(name)) || names.find((name) => /__year$/.test(name));
  // Rows of loss are there once for each canopy threshold, each with all that is denser: added up they would count the same again.
  const canopy = /__tcl__/.test(dataset) && names.find((name) => /tree_cover_density(_2000)?__threshold$/.test(name));
  const above = canopy ? query.get("above") || CANOPY : null;
  const where = canopy ? { column: canopy, value: above } : {};
  const area = IDS.find((ids) => ids.every((name) => names.includes(name)));
  const placed = names.includes("latitude") && names.includes("longitude");
  const chosen = () => { location.hash = `#/results/${encodeURIComponent(dataset)}/${encodeURIComponent(version)}?${new URLSearchParams({ sum: choice.value, ...(canopy ? { above: density.value } : {}) })}`; };
  const choice = h("select", { onchange: chosen }, numbers.map((name) => h("option", { value: name, selected: name === measure }, name)));
  const density = h("select", { onchange: chosen }, THRESHOLDS.map((value) => h("option", { value, selected: value === above }, `${value} %`)));
  const [drawn, charts] = [h("section", {}), h("div", {})];
  const rows = h("section", {});
  const title = `${measure || "rows"}${canopy ? ` where canopy is denser than ${above} %` : ""}`;
  const parts = rowPart(about, path, dataset, version, signal);
  replace(root, h("h1", {}, `${dataset} ${version}`),
    h("p", {}, `${count(about.rows, "row")}, ${count(about.columns.length, "column")}${about.latest ? ", the latest version" : ""}. `, h("a", { href: "#/results" }, "All results")),
    numbers.length ? h("p", { class: "row" }, h("label", {}, "What to add up", choice), canopy ? h("label", {}, "Canopy denser than", density) : null) : null,
    h("div", { class: "halves" }, charts, drawn), rows);
  if (time) await chart(charts, "series", path, { group_by: time, sum: measure, limit: MOST, ...where }, `${title} by ${time}`, signal);
  if (area) await chart(charts, "top", path, { group_by: area.join(","), sum: measure, largest: true, limit: TOP, ...where }, `${title}: the top areas`, signal);
  await parts(rows);
  if (area || placed) await map(drawn, path, area || [], { sum: measure, ...where }, title, signal);
}

// The map comes last: its outlines are the largest answer. Where neither they nor fires are kept, there is none.
async function map(part, path, columns, choice, what, signal) {
  const [areas, places] = await Promise.all([kept(`${path}/areas`, signal), kept(`${path}/places`, signal)]);
  const outlined = areas.features?.length > 0;
  const days = places.features || [];
  if (!outlined && !days.length) {
    replace(part, h("h2", {}, "Map"), h("p", { class: "soft" }, `No map: ${areas.why || "there are no areas"}.`));
    return;
  }
  const at = plane(outlined ? areas.features : days.map((day) => ({ geometry: { coordinates: [[day.geometry.coordinates]] } })));
  const { items } = outlined ? await get(`${path}/rows`, { group_by: columns.join(","), ...choice, largest: true, limit: MOST }, signal) : { items: [] };
  const rows = shapes(outlined ? areas.features : [], items, columns, at);
  const fires = points(days, at);
  const some = rows.filter((row) => row.total > 0).length;
  const title = `${what} on the map`;
  const holder = h("div", { class: "chart" });
  const told = outlined ? `${count(rows.length, "area")}, ${some} with any` : "No outlines of areas are kept";
  const { part: shown, answer } = answering(holder, rows);
  replace(part, h("h2", {}, title), shown, h("p", { class: "soft" }, `${told}. ${fireWords(places, fires, days)}`));
  const view = await draw(holder, "areas", rows, `${title}: ${told}; ${count(fires.length, "fire")}.`, { points: fires });
  if (view) answer(view);
}

// What is kept beside a table, or why it is not.
async function kept(path, signal) {
  try {
    return await get(path, {}, signal);
  } catch (error) {
    if (error.status !== 404 && error.status !== 501) throw error;
    return { why: error.message };
  }
}

function fireWords(places, fires, days) {
  if (places.why) return "The more, the stronger the colour. Single places are kept of fires only.";
  if (!fires.length) return "No fires in them.";
  const of = places.runs === null ? "in the table" : `that the newest ${places.runs === 1 ? "run" : `${places.runs} runs`} found in them`;
  const from = days.at(-1).properties.date;
  const until = days[0].properties.date;
  const when = from === until ? `of ${from}` : `from ${from} to ${until}`;
  return `Each point is a fire: ${fires.length.toLocaleString("en")} of the ${places.total.toLocaleString("en")} ${of}, ${when}.`;
}

async function chart(part, name, path, query, title, signal) {
  const { items } = query.largest ? await get(`${path}/rows`, query, signal) : await all(`${path}/rows`, query, signal);
  const groups = query.group_by.split(",");
  const rows = items.filter((item) => groups.every((name) => item[name] !== null))
    .map((item) => ({ group: groups.map((name) => item[name]).join(".").slice(0, 40), total: Number(item.total) }));
  if (!rows.length) return;
  const holder = h("div", { class: "chart" });
  part.append(h("section", {}, h("h2", {}, title), holder, h("details", {}, h("summary", {}, "As a table"),
    table(title, [groups.join("."), "total"], rows.map((row) => [row.group, row.total.toLocaleString("en")])))));
  const largest = rows.reduce((most, row) => (row.total > most.total ? row : most));
  await draw(holder, name, rows, `${title}: ${count(rows.length, "value")}, the largest ${largest.total.toLocaleString("en")} at ${largest.group}.`);
}

function rowPart(about, path, dataset, version, signal) {
  const names = about.columns.map((column) => column.name);
  const download = async () => {
    try {
      const { items, more } = await all(`${path}/rows`, { limit: MOST }, signal, FILE_PAGES);
      const lines = [names, ...items.map((item) => names.map((name) => item[name]))].map((cells) => cells.map(quoted).join(","));
      const address = URL.createObjectURL(new Blob([`${lines.join("\r\n")}\r\n`], { type: "text/csv" }));
      h("a", { href: address, download: `${dataset}_${version}.csv` }).click();
      URL.revokeObjectURL(address);
      if (more) say(`The file holds the first ${items.length} rows; "datapump results rows --csv" writes them all.`);
    } catch (error) { say(error.message); }
  };
  return async (part) => {
    const { items } = await get(`${path}/rows`, { limit: SHOWN }, signal);
    const filled = names.filter((name) => items.some((item) => item[name] !== null && item[name] !== ""));
    const every = h("input", { type: "checkbox", onchange: () => rows() });
    const holder = h("div", {});
    const rows = () => {
      const shown = every.checked || !filled.length ? names : filled;
      replace(holder, table(`The first ${items.length} of ${count(about.rows, "row")}`, shown, items.map((item) => shown.map((name) => String(item[name] ?? ""))), "It has no rows."));
      holder.firstChild.classList.add("tall");
    };
    replace(part, h("h2", {}, "Rows"), h("p", { class: "row" }, h("button", { type: "button", onclick: download }, "Download as CSV"),
      filled.length && filled.length < names.length ? h("label", { class: "inline" }, every, `also the ${count(names.length - filled.length, "column")} without a value in these rows`) : null), holder);
    rows();
  };
}

// A cell that a spreadsheet would run as a formula is marked as text.
function quoted(value) {
  const text = String(value ?? "");
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
