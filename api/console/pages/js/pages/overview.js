// What ran, what is fresh, what failed and why: the answer to the first look in the morning.

import { all, every, get } from "../api.js";
import { h, replace, status, table } from "../dom.js";
import { draw } from "../charts.js";
import { count, moment, since } from "../words.js";

const DAYS = 30;
const AGAIN_MS = 15000;
const MOST_BEHIND = 50;
const DAY_MS = 86400000;

export async function show(root, { signal }) {
  const parts = Object.fromEntries(["counts", "failed", "running", "fresh", "nights"].map((name) => [name, h("section", {})]));
  replace(root, h("h1", {}, "The night at a glance"), parts.counts,
    h("div", { class: "wide" }, h("div", {}, parts.failed, parts.running), h("div", {}, parts.fresh, parts.nights)));
  replace(parts.counts, h("p", { class: "soft" }, "Reading …"));
  await every(AGAIN_MS, signal, async () => {
    const from = new Date(Date.now() - DAYS * DAY_MS).toISOString();
    const [fresh, failed, running, accepted, syncs] = await Promise.all([
      all("/freshness", {}, signal), all("/executions", { status: "failed", since: from }, signal, 1),
      get("/executions", { status: "running", limit: 20 }, signal), get("/executions", { status: "accepted", limit: 20 }, signal),
      all("/executions", { command: "sync", since: from }, signal, 3),
    ]);
    const open = failed.items.filter((item) => !item.retried_by && !item.plan_only);
    const now = [...running.items, ...accepted.items].filter((item) => !item.plan_only);
    const behind = fresh.items.filter((item) => item.behind_since);
    summarise(parts.counts, fresh, behind, open, now);
    failures(parts.failed, open);
    work(parts.running, now);
    board(parts.fresh, fresh, behind);
    await nights(parts.nights, syncs.items);
  });
}

function summarise(part, fresh, behind, open, now) {
  const facts = [
    [open.length, "failed and not retried", open.length ? "failed" : "complete"],
    [behind.length, "tables behind", behind.length ? "behind" : "fresh"],
    [fresh.items.length - behind.length, "tables up to date", "fresh"],
    [now.length, "running now", "running"],
  ];
  replace(part, h("ul", { class: "counts" }, facts.map(([number, words, kind]) =>
    h("li", { class: kind }, h("strong", {}, number.toLocaleString("en")), words))));
}

function executionLink(item) {
  return h("a", { href: `#/executions/${encodeURIComponent(item.id)}` }, `${item.command} ${moment(item.created)}`);
}

function failures(part, open) {
  const rows = open.slice(0, 20).map((item) => [
    executionLink(item), item.caller, since(item.finished || item.created),
    h("span", { class: "error" }, item.errors[0] || "jobs failed: open it to see which and why"),
  ]);
  replace(part, h("h2", {}, "Failed, not yet retried"),
    table("Executions that failed in the last 30 days", ["execution", "caller", "ended", "why"], rows, "Nothing has failed."));
}

function work(part, now) {
  const rows = now.map((item) => [executionLink(item), status(item.status), item.caller, since(item.started || item.created)]);
  replace(part, h("h2", {}, "Running"), table("Executions that run now", ["execution", "status", "caller", "since"], rows, "Nothing is running."));
}

function board(part, fresh, behind) {
  const groups = Map.groupBy(fresh.items, (item) => item.sync_type);
  const rows = [...groups].sort().map(([type, items]) => {
    const late = items.filter((item) => item.behind_since).map((item) => item.behind_since).sort();
    const newest = items.map((item) => item.source_newest || item.alerts_until || item.freshness?.source_newest).filter(Boolean).sort().at(-1);
    const published = items.map((item) => item.alerts_until || item.sync_version).filter(Boolean).sort();
    return [
      h("strong", {}, type), count(items.length, "table"), newest || "–",
      published.length ? [...new Set([published[0], published.at(-1)])].join(" to ") : "never",
      late.length ? status("behind", `${late.length} behind since ${moment(late[0])}`)
        : items.some((item) => item.last_success) ? status("fresh", "up to date") : status("wait", "never synced"),
      items.find((item) => item.feed_error)?.feed_error || "",
    ];
  });
  const late = behind.slice(0, MOST_BEHIND).map((item) => [
    h("a", { href: `#/sync-configs/${item.config_id}` }, `${item.dataset} ${item.analysis}`), item.sync_type, moment(item.behind_since),
    item.last_run ? h("a", { href: `#/executions/${item.last_run.execution_id}` }, item.last_run.message || item.last_run.status) : item.feed_error || "never run",
  ]);
  replace(part, h("h2", {}, "Freshness"),
    table("By feed", ["feed", "tables", "source's newest", "published", "state", "feed error"], rows, "No sync config is switched on."),
    late.length ? h("details", { open: late.length <= 5 }, h("summary", {}, count(behind.length, "table") + " behind"),
      table("Tables behind their feed", ["table", "feed", "since", "last run"], late)) : null);
}

async function nights(part, syncs) {
  const days = Array.from({ length: DAYS }, (_, at) => new Date(Date.now() - (DAYS - 1 - at) * DAY_MS).toISOString().slice(0, 10));
  const outcomes = new Map();
  for (const item of [...syncs].reverse()) {
    if (item.plan_only) continue;
    const shown = item.status === "accepted" ? "running" : item.status;
    for (const type of item.sync_types || ["all feeds"]) outcomes.set(`${type} ${item.created.slice(0, 10)}`, shown);
  }
  const types = [...new Set([...outcomes.keys()].map((name) => name.slice(0, -11)))].sort();
  if (!types.length) { replace(part); return; }
  const rows = types.flatMap((sync) => days.map((night) => ({ sync, night, outcome: outcomes.get(`${sync} ${night}`) || "none" })));
  const bad = rows.filter((row) => row.outcome === "failed").length;
  if (part.dataset.shown === JSON.stringify(rows)) return;
  const chart = h("div", { class: "chart" });
  replace(part, h("h2", {}, "The last 30 nights"), chart);
  const drawn = await draw(chart, "nights", rows, `Syncs of the last 30 nights by feed: ${bad ? count(bad, "night") + " failed" : "none failed"}.`);
  if (drawn) part.dataset.shown = JSON.stringify(rows);
}
