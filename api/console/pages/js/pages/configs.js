// All sync configs with their switches: read page by page, shown a hundred at a time, found while one types.

import { get } from "../api.js";
import { h, replace, stamp, table } from "../dom.js";
import { toggle } from "../switches.js";
import { count, moment } from "../words.js";

const FILTERS = { dataset: "Dataset", analysis: "Analysis", sync_type: "Feed" };
const MOST = 5000;
const PAGE = 200;
const SHOWN = 100;

export async function show(root, { query, signal }) {
  const list = h("section", { "aria-live": "off" }, h("p", { class: "soft" }, "Reading …"));
  const find = h("input", { type: "search", autocomplete: "off", spellcheck: "false", oninput: () => { shown = SHOWN; render(); } });
  replace(root, h("h1", {}, "Sync configs"), filters(query), h("p", { class: "row" }, h("label", {}, "Find among them", find)), list);
  const configs = [];
  const last = new Map();
  let shown = SHOWN;
  let reading = true;

  function render() {
    const words = find.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const found = configs.filter(({ text }) => words.every((word) => text.includes(word)));
    const rows = found.slice(0, shown).map(({ config }) => row(config, last.get(config.id), () => show(root, { query, signal })));
    const told = [found.length < configs.length ? `${found.length.toLocaleString("en")} of ${count(configs.length, "sync config")}` : count(configs.length, "sync config"),
      found.length > shown ? `, the first ${shown}` : "", reading ? " so far" : configs.length >= MOST ? "; there are more: filter" : ""];
    replace(list, table(told.join(""), ["on", "table", "analysis", "feed", "brought to", "last run", "behind"], rows, reading ? "Reading …" : "No sync config matches."),
      found.length > shown ? h("button", { type: "button", onclick: () => { shown += SHOWN; render(); } }, `Show ${Math.min(SHOWN, found.length - shown)} more`) : null);
  }

  const readConfigs = pages("/sync-configs", Object.fromEntries(query), signal, (items) => {
    for (const config of items) configs.push({ config, text: [config.dataset, config.dataset_version, config.analysis, config.analysis_version, config.sync_type, config.sync_version].join(" ").toLowerCase() });
    render();
  });
  const named = Object.fromEntries([...query].filter(([name]) => name in FILTERS));
  const readLast = pages("/freshness", named, signal, (items) => { for (const item of items) last.set(item.config_id, item); });
  await Promise.all([readConfigs, readLast]);
  reading = false;
  render();
}

// Hands on page after page, until there is no more or there are too many to look at.
async function pages(path, query, signal, take) {
  let cursor;
  for (let read = 0; read < MOST; read += PAGE) {
    const page = await get(path, { ...query, limit: PAGE, cursor }, signal);
    take(page.items);
    cursor = page.next;
    if (!cursor) return;
  }
}

function row(config, fresh, changed) {
  const { last_run: run, behind_since: behind } = fresh || {};
  return [
    toggle(config, changed, fresh),
    h("a", { href: `#/sync-configs/${encodeURIComponent(config.id)}` }, `${config.dataset} ${config.dataset_version}`),
    `${config.analysis} ${config.analysis_version}`, config.sync_type, config.sync_version || "never",
    run ? h("a", { href: `#/executions/${encodeURIComponent(run.execution_id)}` }, run.status, " ", stamp(moment(run.ended || run.created))) : "none",
    behind ? h("span", { class: "behind" }, "since ", stamp(moment(behind))) : "",
  ];
}

function filters(query) {
  const submit = (event) => {
    event.preventDefault();
    const given = [...new FormData(event.target)].filter(([, value]) => value.trim());
    location.hash = given.length ? `#/sync-configs?${new URLSearchParams(given)}` : "#/sync-configs";
  };
  return h("form", { class: "filters", onsubmit: submit, role: "search", "aria-label": "Filter" },
    Object.entries(FILTERS).map(([name, title]) => h("label", {}, title, h("input", { name, value: query.get(name) || "", size: 14, autocomplete: "off" }))),
    h("label", {}, "Switch", h("select", { name: "sync" }, ["", "true", "false"].map((value) =>
      h("option", { value, selected: query.get("sync") === value }, { "": "all", true: "on", false: "off" }[value])))),
    h("button", { type: "submit", class: "main" }, "Filter"), h("a", { href: "#/sync-configs" }, "Clear"));
}
