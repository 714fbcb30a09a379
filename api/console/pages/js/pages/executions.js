// The list of executions, filtered, live while its first page is shown.

import { every, get } from "../api.js";
import { h, replace, stamp, status, table } from "../dom.js";
import { failedJobs, titled } from "../executions.js";
import { age, moment, span } from "../words.js";

const AGAIN_MS = 5000;
const CHOICES = {
  status: ["", "accepted", "running", "succeeded", "failed", "stopped"],
  command: ["", "analysis", "sync", "version_update", "continue_jobs", "set_latest"],
};
const TEXTS = { dataset: "Dataset", sync_type: "Feed", caller: "Caller", label: "Label", since: "Since", until: "Until" };
const MEANT = { sync_type: "viirs", label: "name:value", since: "2026-01-31", until: "2026-01-31" };

export async function show(root, { query, signal }) {
  const list = h("div", {}, h("p", { class: "soft" }, "Reading …"));
  const form = filters(query);
  replace(root, h("h1", {}, "Executions"), form, list);
  const cursor = query.get("cursor");
  const chosen = Object.fromEntries([...query].filter(([name]) => name !== "cursor"));
  const read = async () => render(list, await get("/executions", { ...chosen, cursor, limit: 50 }, signal), query);
  await read();
  if (!cursor) await every(AGAIN_MS, signal, read);
}

function filters(query) {
  const selects = Object.entries(CHOICES).map(([name, values]) =>
    h("label", {}, name[0].toUpperCase() + name.slice(1),
      h("select", { name }, values.map((value) => h("option", { value, selected: query.get(name) === value }, value || "all")))));
  const texts = Object.entries(TEXTS).map(([name, title]) =>
    h("label", {}, title, h("input", { name, value: query.get(name) || "", placeholder: MEANT[name], size: 12, autocomplete: "off" })));
  const submit = (event) => {
    event.preventDefault();
    const given = [...new FormData(event.target)].filter(([, value]) => value.trim());
    location.hash = given.length ? `#/executions?${new URLSearchParams(given)}` : "#/executions";
  };
  return h("form", { class: "filters", onsubmit: submit, role: "search", "aria-label": "Filter" },
    selects, texts, h("button", { type: "submit", class: "main" }, "Filter"), h("a", { href: "#/executions" }, "Clear"));
}

// What went wrong, in short; of jobs with the way to them.
function cause(item) {
  const faults = item.job_faults;
  const parts = item.errors.slice(0, 1).map((error) => h("span", { class: "error" }, error));
  if (faults) parts.push(h("a", { class: "error", href: `#/executions/${encodeURIComponent(item.id)}?job=${encodeURIComponent(faults.job_id)}` }, failedJobs(faults)));
  if (!parts.length && item.stop_reason) parts.push(h("span", { class: "soft" }, `stopped: ${item.stop_reason}`));
  return parts.length ? h("div", { class: "cause" }, parts) : "";
}

function render(list, page, query) {
  const rows = page.items.map((item) => [
    h("a", { href: `#/executions/${encodeURIComponent(item.id)}` }, titled(item)),
    status(item.status), item.caller, stamp(moment(item.created)),
    stamp(item.finished ? span((Date.parse(item.finished) - Date.parse(item.started || item.created)) / 1000) : `${age(item.started || item.created)} so far`),
    Object.entries(item.labels).map(([name, value]) => `${name}:${value}`).join(", "),
    cause(item),
  ]);
  const next = page.next ? new URLSearchParams([...[...query].filter(([name]) => name !== "cursor"), ["cursor", page.next]]) : null;
  replace(list,
    table("Executions, newest first", ["command", "status", "caller", "created (UTC)", "took", "labels", "why"], rows, "No execution matches."),
    next ? h("p", {}, h("a", { href: `#/executions?${next}` }, "Older executions")) : null);
}
