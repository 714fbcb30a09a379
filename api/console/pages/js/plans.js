// A plan in words: what would happen, where, how long and at what cost.

import { h, status, table } from "./dom.js";
import { count, span } from "./words.js";

const MOST = 300;

export function render(plan) {
  const counts = Object.entries(plan.counts).map(([action, number]) => `${action} ${number}`).join(", ");
  return h("section", { "aria-label": "Plan" },
    h("h2", {}, "Plan"), h("p", {}, h("strong", {}, counts || "nothing would be changed"), `; ${estimate(plan.estimate)}`),
    engines(plan.jobs), plan.notes.map((note) => h("p", {}, `Note: ${note}`)),
    plan.errors.map((error) => h("p", { class: "error" }, error)),
    writes("Before the jobs", plan.before),
    plan.jobs.map((job) => h("details", { open: plan.jobs.length <= 3 },
      h("summary", {}, status(job.outcome, `${job.kind} ${job.subject}`), ` ${job.message}; ${estimate(job.estimate)}`),
      job.engine ? h("p", {}, machines(job.engine)) : null, writes("What it would change", job.writes))),
    writes("After the jobs", plan.after));
}

function writes(title, list) {
  if (!list.length) return null;
  const rows = list.slice(0, MOST).map((write) => [h("strong", { class: write.action === "delete" ? "failed" : null }, write.action), write.system, h("span", { class: "mono" }, write.target)]);
  return table(list.length > MOST ? `${title} (the first ${MOST} of ${list.length})` : title, ["action", "where", "what"], rows);
}

// Where the analyses would run; why is told with each job.
function engines(jobs) {
  const found = [...Map.groupBy(jobs.filter((job) => job.engine), (job) => job.engine.engine)];
  return found.length ? h("p", {}, `Engines: ${found.map(([name, those]) => `${name} for ${count(those.length, "job")}`).join(", ")}.`) : null;
}

function machines(engine) {
  const { cluster } = engine;
  const text = `Engine ${engine.engine}: ${engine.reason}`;
  return cluster ? `${text}; ${cluster.master} and ${cluster.workers} workers (${cluster.workers - cluster.on_demand} on spot)` : text;
}

function estimate(found) {
  const time = found.duration_s === null ? "time not known" : `about ${span(found.duration_s)}`;
  const cost = found.cost_usd === null ? "cost not known" : found.cost_usd === 0 ? "no machines to pay for" : `about $${found.cost_usd.toFixed(2)}`;
  return `${time}, ${cost} (${found.basis})`;
}
