// One execution: its flow and jobs, the timeline of their steps, what happened in words, and what can be done.

import { call, get, pause } from "../api.js";
import { askReason, copy, h, link, refresh, replace, say, status, table } from "../dom.js";
import { draw } from "../charts.js";
import { againButton, commandOf, linked, retryButton, titled } from "../executions.js";
import { age, count, moment, percent, span } from "../words.js";

const ENDED = new Set(["succeeded", "failed", "stopped"]);
const MOST_JOBS = 200;
const MOST_LINES = 300;
const FEW = 3;
const WAIT_S = 20;

export async function show(root, { argument: id, query, signal }) {
  const path = `/executions/${encodeURIComponent(id)}`;
  const parts = Object.fromEntries(["head", "errors", "flow", "plan", "time", "jobs", "events"].map((name) => [name, h("section", {})]));
  replace(root, Object.values(parts));
  const events = [];
  let after = 0;
  let execution;
  const read = async () => {
    execution = await get(path, {}, signal);
    head(parts.head, execution, path);
    flow(parts.flow, execution);
    errors(parts.errors, execution);
    jobs(parts.jobs, execution);
    await timeline(parts.time, execution, events);
  };
  await read();
  if (query.get("job")) point(parts.errors, query.get("job"));
  while (!signal.aborted) {
    let page;
    try {
      page = await get(`${path}/events`, { after, limit: 500, wait: events.length ? WAIT_S : 0 }, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (error.status !== 0 && error.status < 500) throw error;
      await pause(3000, signal);
      continue;
    }
    for (const event of page.items) { events.push(event); after = event.seq; }
    tail(parts.events, events, execution);
    if (page.items.length && page.next === null) await read();
    if (page.ended && page.next === null && !page.items.length) break;
    if (!page.items.length && !page.ended) await read();
    if (page.ended && page.next === null) { await read(); break; }
  }
  if (execution?.plan_only && execution.status === "succeeded") await plan(parts.plan, path, signal);
}

function head(part, execution, path) {
  const ended = ENDED.has(execution.status);
  const failed = execution.counts.failed || 0;
  const stop = async () => {
    const reason = await askReason("Stop this execution? What it runs is ended; what is published stays.", "Stop it", true);
    if (!reason) return;
    try { await call("POST", `${path}/stop`, { body: { reason } }); say("It is being stopped."); } catch (error) { say(error.message); }
  };
  const text = JSON.stringify(commandOf(execution), null, 2);
  const kin = ["retry_of", "retried_by", "triggered_by"].filter((name) => execution[name])
    .flatMap((name) => [h("dt", {}, name.replace("_", " ")), h("dd", {}, h("a", { href: `#/executions/${encodeURIComponent(execution[name])}` }, execution[name]))]);
  refresh(part,
    h("h1", {}, `${titled(execution)} `, status(execution.status)),
    h("p", { class: "row" },
      ended ? null : h("button", { type: "button", class: "danger", "data-key": "stop", onclick: stop }, "Stop"),
      ended && failed && !execution.retried_by ? retryButton(execution.id, failed) : null,
      ["failed", "stopped"].includes(execution.status) && !failed && !execution.plan_only ? againButton(execution) : null,
      h("button", { type: "button", "data-key": "copy", onclick: () => copy(text) }, "Copy as command")),
    summary(execution, ended),
    h("dl", { class: "facts" },
      h("dt", {}, "id"), h("dd", { class: "mono" }, execution.id),
      h("dt", {}, "caller"), h("dd", {}, execution.caller),
      h("dt", {}, "created"), h("dd", {}, `${moment(execution.created)} UTC`),
      execution.finished ? [h("dt", {}, "ended"), h("dd", {}, `${moment(execution.finished)} UTC`)] : null,
      execution.stop_reason ? [h("dt", {}, "stopped because"), h("dd", {}, execution.stop_reason)] : null,
      kin),
    execution.notes.map((note) => h("p", {}, "Note: ", linked(note))),
    h("details", { "data-key": "command" }, h("summary", { "data-key": "of command" }, "Command"), h("pre", { tabindex: "0" }, text)));
}

// How far it is, and for how long it has run and will.
function summary(execution, ended) {
  const total = execution.jobs.length;
  if (!total) return null;
  const done = execution.jobs.reduce((sum, job) => sum + job.progress, 0) / total;
  const left = Math.max(...execution.jobs.map((job) => job.remaining_s ?? -1));
  const told = Object.entries(execution.counts).filter(([, number]) => number).map(([name, number]) => `${number} ${name}`).join(", ");
  const took = span((Date.parse(execution.finished) - Date.parse(execution.started || execution.created)) / 1000);
  return h("p", {}, ended ? null : [h("progress", { max: 1, value: done, "aria-label": "progress of all jobs" }), ` ${percent(done)}: `],
    h("strong", {}, `${count(total, "job")}: ${told}`), ended ? `, took ${took}` : `, for ${age(execution.started || execution.created)}${left >= 0 ? `, about ${span(left)} left` : ""}`);
}

function flow(part, execution) {
  if (execution.plan_only) return;
  const boxes = execution.jobs.slice(0, MOST_JOBS).map((job) =>
    h("li", {}, h("a", { href: `#/executions/${encodeURIComponent(execution.id)}`, class: job.status, onclick: (event) => { event.preventDefault(); document.getElementById(`job-${job.id}`)?.scrollIntoView(); } },
      `${job.dataset}${job.analysis ? ` ${job.analysis}` : ""}: ${job.step}`)));
  const dispatched = execution.started || execution.status !== "accepted";
  const done = ENDED.has(execution.status);
  replace(part, h("h2", {}, "Flow"), h("ol", { class: "flow" },
    h("li", {}, h("strong", {}, "Dispatch"), h("br"), status(dispatched ? (execution.jobs.length || !execution.errors.length ? "complete" : "failed") : "executing")),
    h("li", { class: "jobs" }, h("strong", {}, count(execution.jobs.length, "job")), h("ul", { class: "boxes" }, boxes),
      execution.jobs.length > MOST_JOBS ? h("p", { class: "soft" }, `and ${execution.jobs.length - MOST_JOBS} more`) : null),
    h("li", {}, h("strong", {}, "Postprocess"), h("br"), done ? status(execution.status) : h("span", { class: "soft" }, "not yet"))));
}

function errors(part, execution) {
  const failed = execution.jobs.filter((job) => job.errors.length);
  if (!execution.errors.length && !failed.length) { replace(part); return; }
  refresh(part, h("h2", {}, "What went wrong"),
    execution.errors.map((error) => h("p", { class: "error" }, linked(error))),
    failed.slice(0, MOST_JOBS).map((job) => h("details", { open: failed.length <= FEW, "data-key": `error ${job.id}` },
      h("summary", { "data-key": `of error ${job.id}` }, status(job.status, `${job.dataset} ${job.analysis || ""}`), ` in step ${job.errors.at(-1).step}`),
      h("ol", {}, job.errors.map((error) => h("li", { class: "error" }, `${moment(error.at)}, ${error.step}: `, linked(error.message)))))));
}

// Opens what went wrong with a job, and brings it before the eyes.
function point(part, id) {
  const found = [...part.querySelectorAll("details")].find((one) => one.dataset.key === `error ${id}`);
  if (!found) return;
  found.open = true;
  found.scrollIntoView({ block: "center" });
  found.firstElementChild.focus({ preventScroll: true });
}

// Where the job's run is, and why there.
function engine(job, few) {
  if (!job.engine) return "";
  return h("details", { open: few, "data-key": `engine ${job.id}` },
    h("summary", { "data-key": `of engine ${job.id}` }, job.engine), h("span", { class: "soft" }, job.engine_reason || ""));
}

function jobs(part, execution) {
  if (execution.plan_only) return;
  const few = execution.jobs.length <= FEW;
  const engines = execution.jobs.some((job) => job.engine);
  const rows = execution.jobs.slice(0, MOST_JOBS).map((job) => [
    h("span", { id: `job-${job.id}` }, `${job.dataset} ${job.version || ""} ${job.analysis || ""}`),
    status(job.status, job.step), [h("progress", { max: 1, value: job.progress, "aria-label": "progress" }), ` ${percent(job.progress)}`],
    job.remaining_s === null ? "" : span(job.remaining_s), job.retries ? String(job.retries) : "",
    ...(engines ? [engine(job, few)] : []), linked(job.message),
    [...Object.entries(job.links).map(([name, address]) => h("span", {}, link(address, name), " ")),
      job.status === "failed" && h("a", { href: `#/command?job=${encodeURIComponent(execution.id)}/${encodeURIComponent(job.id)}` }, "continue")],
  ]);
  const tables = execution.jobs.filter((job) => !job.assets.length).flatMap((job) => job.results);
  refresh(part, h("h2", {}, "Jobs"),
    table("Jobs", ["job", "step", "progress", "time left", "retries", ...(engines ? ["engine"] : []), "doing", "links"], rows, "It has no jobs.", { hidden: true }),
    tables.length ? h("details", { "data-key": "tables" }, h("summary", { "data-key": "of tables" }, "Tables"),
      h("ul", {}, tables.slice(0, MOST_JOBS).map((result) =>
        h("li", {}, h("a", { href: `#/results/${encodeURIComponent(result.dataset)}/${encodeURIComponent(result.version)}` }, `${result.dataset} ${result.version}`), `: ${result.state}`)))) : null,
    execution.jobs.filter((job) => job.assets.length).slice(0, MOST_JOBS).map((job) => h("details", { open: job.status === "failed", "data-key": `rasters ${job.id}` }, h("summary", { "data-key": `of rasters ${job.id}` }, `Rasters of ${job.dataset} ${job.version || ""}`),
      table(`Assets of ${job.dataset}`, ["asset", "kind", "state", "made from", "why not"], job.assets.map((asset) => [
        asset.name, asset.kind, status({ saved: "complete", failed: "failed" }[asset.state] || "wait", asset.state), asset.made_from.join(", "), asset.fault ? h("span", { class: "error" }, asset.fault) : "",
      ]), "It has none.", { hidden: true }))));
}

function jobName(job) {
  return `${job.dataset} ${job.analysis || job.kind}`;
}

async function timeline(part, execution, events) {
  const names = new Map(execution.jobs.map((job) => [job.id, jobName(job)]));
  const rows = [];
  const open = new Map();
  const end = execution.finished || new Date().toISOString();
  for (const event of events) {
    if (!names.has(event.job_id) || !event.data.step) continue;
    const before = open.get(event.job_id);
    if (before) rows.push({ ...before, end: event.at });
    const ended = event.data.status === "complete" || event.data.status === "failed";
    if (ended && before) { rows.at(-1).outcome = event.data.status === "failed" ? "failed" : rows.at(-1).outcome; open.delete(event.job_id); } else {
      open.set(event.job_id, { job: names.get(event.job_id), step: event.data.step, start: event.at, outcome: ended ? event.data.status : "complete" });
    }
  }
  for (const row of open.values()) rows.push({ ...row, end, outcome: row.outcome === "failed" ? "failed" : "executing" });
  const shown = rows.slice(0, 400);
  const mark = JSON.stringify([shown.length, shown.at(-1)]);
  if (!shown.length || part.dataset.shown === mark) return;
  part.dataset.shown = mark;
  const chart = h("div", { class: "chart" });
  replace(part, h("h2", {}, "Timeline"), chart);
  await draw(chart, "gantt", shown, `Steps of ${count(execution.jobs.length, "job")} over time; the table of jobs below says the same in words.`);
}

function tail(part, events, execution) {
  // Of one job alone everybody knows what is meant.
  const names = execution.jobs.length > 1 ? new Map(execution.jobs.map((job) => [job.id, jobName(job)])) : new Map();
  const lines = events.slice(-MOST_LINES).map((event) =>
    h("li", {}, h("span", { class: "soft mono" }, `${event.at.slice(11, 19)} `), h("strong", {}, event.kind),
      names.has(event.job_id) ? ` ${names.get(event.job_id)}:` : null, " ", linked(event.message)));
  const list = h("ol", { class: "events", tabindex: "0", "aria-label": "Events" }, lines);
  replace(part, h("h2", {}, "What happened"), list);
  list.scrollTop = list.scrollHeight;
}

async function plan(part, path, signal) {
  const { render } = await import("../plans.js");
  replace(part, render(await get(`${path}/plan`, {}, signal)));
}
