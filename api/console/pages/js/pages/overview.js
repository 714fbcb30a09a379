// What ran, what is fresh, what failed and why: the answer to the first look in the morning.

import { all, every, get } from "../api.js";
import { h, replace, stamp, status, table } from "../dom.js";
import { draw } from "../charts.js";
import { againButton, linked, retryButton, titled } from "../executions.js";
import { age, count, moment, percent, span } from "../words.js";

const DAYS = 30;
const AGAIN_MS = 15000;
const MOST_BEHIND = 50;
const MOST_TOLD = 8;
const MOST_CAUSES = 3;
const DAY_MS = 86400000;

export async function show(root, { signal }) {
  const parts = Object.fromEntries(["counts", "failed", "running", "fresh", "nights"].map((name) => [name, h("section", {})]));
  replace(root, h("h1", {}, "The night at a glance"), parts.counts,
    h("div", { class: "halves" }, h("div", {}, parts.failed, parts.running), h("div", {}, parts.fresh, parts.nights)));
  replace(parts.counts, h("p", { class: "soft" }, "Reading …"));
  const causes = new Map();
  await every(AGAIN_MS, signal, async () => {
    const from = new Date(Date.now() - DAYS * DAY_MS).toISOString();
    const [fresh, failed, running, accepted, syncs] = await Promise.all([
      all("/freshness", {}, signal), all("/executions", { status: "failed", since: from }, signal, 1),
      get("/executions", { status: "running", limit: 20 }, signal), get("/executions", { status: "accepted", limit: 20 }, signal),
      all("/executions", { command: "sync", since: from }, signal, 3),
    ]);
    const now = [...running.items, ...accepted.items].filter((item) => !item.plan_only);
    const behind = fresh.items.filter((item) => item.behind_since);
    const left = failed.items.filter((item) => !item.retried_by && !item.plan_only);
    const open = left.filter((item) => !madeUp(item, syncs.items, behind));
    summarise(parts.counts, fresh, behind, failed.more ? `${open.length}+` : open.length, now.length);
    const [, details] = await Promise.all([learn(causes, open, signal), Promise.all(now.slice(0, MOST_TOLD).map((item) => whole(item, signal)))]);
    failures(parts.failed, open, causes, left.length - open.length);
    work(parts.running, now, details);
    board(parts.fresh, fresh, behind);
    await nights(parts.nights, syncs.items, fresh.items);
  });
}

// Whether later syncs have done what a failed one left: each of its feeds was synced since, and no table is behind it.
function madeUp(item, syncs, behind) {
  if (item.command !== "sync" || !item.sync_types.length) return false;
  return item.sync_types.every((type) => !behind.some((one) => one.sync_type === type)
    && syncs.some((one) => one.status === "succeeded" && !one.plan_only && one.created > item.created && one.sync_types.includes(type)));
}

// An execution with its jobs; what has just gone is shown as the list has it.
async function whole(item, signal) {
  try {
    return await get(`/executions/${encodeURIComponent(item.id)}`, {}, signal);
  } catch (error) {
    if (error.status !== 404) throw error;
    return { ...item, jobs: [] };
  }
}

// Why executions have failed: asked once of each, since what has ended does not change.
async function learn(causes, open, signal) {
  const unknown = open.slice(0, MOST_TOLD).filter((item) => !causes.has(item.id));
  for (const found of await Promise.all(unknown.map((item) => whole(item, signal)))) causes.set(found.id, found);
}

function summarise(part, fresh, behind, failed, running) {
  const facts = [
    [failed, "failed and not retried", failed ? "failed" : "complete"],
    [behind.length, "tables behind", behind.length ? "behind" : "fresh"],
    [fresh.items.length - behind.length, "tables up to date", "fresh"],
    [running, "running now", running ? "running" : "soft"],
  ];
  replace(part, h("ul", { class: "counts" }, facts.map(([number, words, kind]) =>
    h("li", { class: kind }, h("strong", {}, number.toLocaleString("en")), words))),
  fresh.more ? h("p", { class: "soft" }, `Of the first ${count(fresh.items.length, "sync config")}; there are more.`) : null);
}

function heading(item) {
  return [h("a", { href: `#/executions/${encodeURIComponent(item.id)}` }, titled(item)), h("span", { class: "soft" }, ` ${moment(item.created)} by ${item.caller}`)];
}

// Each with its cause and what can be done next.
function failures(part, open, causes, past) {
  const items = open.slice(0, MOST_TOLD * 2).map((item) => {
    const found = causes.get(item.id);
    const jobs = found?.jobs.filter((job) => job.status === "failed") || [];
    const lines = [...item.errors, ...jobs.slice(0, MOST_CAUSES).map((job) => `${job.dataset} ${job.analysis || job.version || ""}, ${job.step}: ${job.message}`)];
    return h("li", { class: "card" },
      h("p", { class: "row" }, h("span", { class: "grow" }, heading(item)), jobs.length ? retryButton(item.id, jobs.length) : found?.parameters ? againButton(found) : null),
      lines.map((line) => h("p", { class: "error" }, linked(line))),
      jobs.length > MOST_CAUSES ? h("p", { class: "soft" }, `and ${count(jobs.length - MOST_CAUSES, "more failed job")}`) : null,
      lines.length ? null : h("p", { class: "soft" }, "Open it to see why."));
  });
  const more = open.length - items.length;
  const none = past ? "Nothing that failed is left to do." : `Nothing has failed in the last ${DAYS} days.`;
  replace(part, h("h2", {}, "Failed, not yet retried"),
    items.length ? h("ul", { class: "cardlist" }, items) : h("p", { class: "fresh" }, none),
    past ? h("p", { class: "soft" }, h("a", { class: "soft", href: "#/executions?status=failed&command=sync" }, count(past, "failed sync")), " made up for by later ones.") : null,
    more > 0 ? h("p", {}, h("a", { href: "#/executions?status=failed" }, `${count(more, "more")} in the list of executions`)) : null);
}

function work(part, now, details) {
  const items = now.map((item, at) => {
    const jobs = details[at]?.jobs || [];
    const done = jobs.length ? jobs.reduce((sum, job) => sum + job.progress, 0) / jobs.length : 0;
    const left = Math.max(...jobs.map((job) => job.remaining_s ?? -1));
    const waits = jobs.find((job) => job.message.startsWith("waiting"));
    return h("li", { class: "card" }, h("p", {}, status(item.status), " ", heading(item)),
      jobs.length ? h("p", {}, h("progress", { max: 1, value: done, "aria-label": `progress of ${titled(item)}` }),
        ` ${percent(done)} of ${count(jobs.length, "job")}${left >= 0 ? `, about ${span(left)} left` : ""}, for ${age(item.started || item.created)}`) : null,
      waits ? h("p", { class: "wait" }, linked(waits.message)) : null);
  });
  replace(part, h("h2", {}, "Running"), items.length ? h("ul", { class: "cardlist" }, items) : h("p", { class: "soft" }, "Nothing is running."));
}

function board(part, fresh, behind) {
  const groups = Map.groupBy(fresh.items, (item) => item.sync_type);
  const rows = [...groups].sort().map(([type, items]) => {
    const late = items.filter((item) => item.behind_since).map((item) => item.behind_since).sort();
    const newest = items.map((item) => item.source_newest || item.alerts_until || item.freshness?.source_newest).filter(Boolean).sort().at(-1);
    const published = items.map((item) => item.alerts_until || item.sync_version).filter(Boolean).sort();
    const fault = items.find((item) => item.feed_error)?.feed_error;
    return [
      [h("strong", {}, type), " ", h("a", { class: "soft", href: `#/sync-configs?sync_type=${encodeURIComponent(type)}` }, count(items.length, "table"))], stamp(newest || "–"),
      published.length ? [...new Set([published[0], published.at(-1)])].map((one, at) => [at ? " to " : "", stamp(one)]) : "never",
      [late.length ? status("behind", `${late.length} behind for ${age(late[0])}`)
        : items.some((item) => item.last_success) ? status("fresh", "up to date") : status("wait", "never synced"),
      fault ? h("p", { class: "error" }, fault) : null],
    ];
  });
  const late = behind.slice(0, MOST_BEHIND).map((item) => [
    h("a", { href: `#/sync-configs/${encodeURIComponent(item.config_id)}` }, `${item.dataset} ${item.analysis}`), stamp(moment(item.behind_since)),
    item.last_run ? h("a", { href: `#/executions/${encodeURIComponent(item.last_run.execution_id)}` }, item.last_run.message || item.last_run.status) : item.feed_error || "never run",
  ]);
  replace(part, h("h2", {}, "Freshness"),
    table("How fresh each feed's tables are", ["feed", "source's newest", "published", "state"], rows, "No sync config is switched on.", { hidden: true }),
    late.length ? h("details", { open: late.length <= 5 }, h("summary", {}, `${count(behind.length, "table")} behind: which, and why`),
      table("Tables behind their feed", ["table", "since", "last run"], late, "", { hidden: true })) : null);
}

async function nights(part, syncs, fresh) {
  const days = Array.from({ length: DAYS }, (_, at) => new Date(Date.now() - (DAYS - 1 - at) * DAY_MS).toISOString().slice(0, 10));
  const outcomes = new Map();
  for (const item of [...syncs].reverse()) {
    if (item.plan_only) continue;
    const shown = item.status === "accepted" ? "running" : item.status;
    for (const type of item.sync_types || ["all feeds"]) outcomes.set(`${type} ${item.created.slice(0, 10)}`, shown);
  }
  const types = [...new Set([...fresh.map((item) => item.sync_type), ...[...outcomes.keys()].map((name) => name.slice(0, -11))])].sort();
  if (!types.length) { replace(part); return; }
  const rows = types.flatMap((sync) => days.map((night) => ({ sync, night, outcome: outcomes.get(`${sync} ${night}`) || "none" })));
  const bad = rows.filter((row) => row.outcome === "failed");
  if (part.dataset.shown === JSON.stringify(rows)) return;
  const chart = h("div", { class: "chart" });
  const named = bad.slice(-6).map((row) => `${row.sync} ${row.night.slice(5)}`).join(", ");
  replace(part, h("h2", {}, `The last ${DAYS} nights`), chart, h("p", { class: "soft" }, bad.length ? `Failed last: ${named}.` : "No night failed."));
  const drawn = await draw(chart, "nights", rows, `Syncs of the last ${DAYS} nights by feed: ${bad.length ? `${count(bad.length, "night")} failed` : "none failed"}.`);
  if (drawn) part.dataset.shown = JSON.stringify(rows);
}
