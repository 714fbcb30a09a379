// What executions are called, and the button that runs again what failed of one.

import { call } from "./api.js";
import { h, say } from "./dom.js";
import { count } from "./words.js";

export function titled(item) {
  const words = [item.command, ...(item.sync_types || [])].join(" ");
  return item.plan_only ? `${words} (plan)` : words;
}

// How many jobs failed, and why the first did.
export function failedJobs({ failed, jobs, subject, message }) {
  return `${failed} of ${count(jobs, "job")} failed: ${subject}: ${message}`;
}

// One key for one button: a double click is one retry.
export function retryButton(id, failed) {
  const once = crypto.randomUUID();
  const retry = async () => {
    try {
      const { document } = await call("POST", `/executions/${encodeURIComponent(id)}/retry`, { headers: { "Idempotency-Key": `"${once}"` } });
      say("The failed jobs run again.");
      location.hash = `#/executions/${encodeURIComponent(document.id)}`;
    } catch (error) { say(error.message); }
  };
  return h("button", { type: "button", class: "main", onclick: retry }, `Retry ${count(failed, "failed job")}`);
}
