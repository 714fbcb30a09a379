// What executions are called, and the button that runs again what failed of one.

import { call } from "./api.js";
import { h, say } from "./dom.js";
import { count } from "./words.js";

export function titled(item) {
  const words = [item.command, ...(item.sync_types || [])].join(" ");
  return item.plan_only ? `${words} (plan)` : words;
}

// What is said, the executions that it names as links.
export function linked(text) {
  return text.split(/(\bexecution [0-9a-f]{32}\b)/).map((part, at) =>
    (at % 2 ? ["execution ", h("a", { href: `#/executions/${part.slice(10)}` }, part.slice(10))] : part));
}

// How many jobs failed, and why the first did.
export function failedJobs({ failed, jobs, subject, message }) {
  return `${failed} of ${count(jobs, "job")} failed: ${message.includes(subject) ? "" : `${subject}: `}${message}`;
}

// The command of an execution, to be given again.
export function commandOf({ command, parameters, labels }) {
  return { command, parameters, ...(Object.keys(labels).length ? { labels } : {}) };
}

// Of an execution that came to no failed job there is nothing to retry: its command is given again, once a button.
export function againButton(execution) {
  const once = crypto.randomUUID();
  const again = async () => {
    try {
      const { document } = await call("POST", "/commands", { body: commandOf(execution), headers: { "Idempotency-Key": `"${once}"` } });
      say("The same command runs again.");
      location.hash = `#/executions/${encodeURIComponent(document.id)}`;
    } catch (error) { say(error.message); }
  };
  return h("button", { type: "button", class: "main", "data-key": "again", onclick: again }, "Run it again");
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
