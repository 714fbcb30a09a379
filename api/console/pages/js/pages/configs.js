// All sync configs with their switches.

import { all, get } from "../api.js";
import { h, replace, table } from "../dom.js";
import { toggle } from "../switches.js";
import { count, moment } from "../words.js";

const FILTERS = { dataset: "Dataset", analysis: "Analysis", sync_type: "Feed" };
const MOST = 1000;

export async function show(root, { query, signal }) {
  const list = h("section", {}, h("p", { class: "soft" }, "Reading …"));
  replace(root, h("h1", {}, "Sync configs"), filters(query), list);
  const found = await all("/sync-configs", Object.fromEntries(query), signal, MOST / 200);
  const last = new Map((await all("/freshness", {}, signal, MOST / 200)).items.map((item) => [item.config_id, item]));
  const rows = found.items.map((config) => {
    const { last_run: run, behind_since: behind } = last.get(config.id) || {};
    return [
      toggle(config, () => show(root, { query, signal })),
      h("a", { href: `#/sync-configs/${config.id}` }, `${config.dataset} ${config.dataset_version}`),
      config.analysis, config.sync_type, config.sync_version || "never",
      run ? h("a", { href: `#/executions/${run.execution_id}` }, `${run.status} ${moment(run.ended || run.created)}`) : "none",
      behind ? h("span", { class: "behind" }, `since ${moment(behind)}`) : "",
    ];
  });
  replace(list, table(`${count(rows.length, "sync config")}${found.more ? ", the first of more: filter" : ""}`,
    ["on", "table", "analysis", "feed", "brought to", "last run", "behind"], rows, "No sync config matches."));
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
