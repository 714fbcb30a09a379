// A new command: a form made from the API's own schema, checked while it is filled in, planned before anything starts.

import { call, get, pause } from "../api.js";
import { MISSING, form as made } from "../forms.js";
import { h, replace, say } from "../dom.js";
import { render } from "../plans.js";

const ENDED = new Set(["succeeded", "failed", "stopped"]);

export async function show(root, { query, signal }) {
  const contract = await get("/openapi.json", {}, signal);
  const schemas = contract.components.schemas;
  const names = Object.entries(schemas.Command.discriminator.mapping);
  const chosen = query.get("command") || (query.get("job") ? "continue_jobs" : "sync");
  const choice = h("select", { onchange: () => { location.hash = `#/command?command=${choice.value}`; } },
    names.map(([name]) => h("option", { value: name, selected: name === chosen }, name)));
  const reference = names.find(([name]) => name === chosen)?.[1] || names[0][1];
  const schema = schemas[reference.split("/").at(-1)];
  const start = await started(query, signal);
  const built = made(schema, schemas, start, changed);
  // One key for one filled-in form: a double click, or a repeated request, is one execution.
  let once = crypto.randomUUID();
  const text = h("textarea", { "aria-label": "The command as JSON", spellcheck: "false" });
  const faults = h("ul", { class: "fault" });
  const outcome = h("section", {});
  const planButton = h("button", { type: "button", onclick: plan }, "Plan it");
  const submitButton = h("button", { type: "submit", class: "main", disabled: true }, "Start it");
  const element = h("form", { novalidate: true, onsubmit: submit },
    h("p", {}, schema.description || ""), built.element, h("div", { role: "alert" }, faults), h("p", { class: "row" }, planButton, submitButton),
    h("p", { class: "hint" }, "It can be started once it has been planned."));
  text.addEventListener("input", () => { touched(); });
  replace(root, h("h1", {}, "New command"), h("p", {}, h("label", {}, "Command", choice)), element,
    h("details", {}, h("summary", {}, "As JSON"), h("p", { class: "hint" }, "What is written here is what is sent."), text), outcome);
  changed();

  function changed() {
    if (!built) return;
    text.value = JSON.stringify(built.value(), null, 2);
    touched();
  }

  function touched() {
    once = crypto.randomUUID();
    submitButton.disabled = true;
    replace(outcome);
    const wrong = built ? built.faults() : [];
    replace(faults, wrong.map((fault) => h("li", { class: MISSING.test(fault) ? "missing" : null }, fault)));
    try { JSON.parse(text.value); } catch (error) { replace(faults, h("li", {}, `Not JSON: ${error.message}`)); wrong.push(""); }
    planButton.disabled = wrong.length > 0;
  }

  function told(error) {
    const lines = error.faults.map((fault) => h("li", {}, `${fault.pointer || fault.parameter || ""} ${fault.detail}`));
    replace(faults, lines.length ? lines : h("li", {}, error.message));
  }

  async function plan() {
    planButton.disabled = true;
    replace(outcome, h("p", { class: "soft" }, "Planning …"));
    try {
      const { document } = await call("POST", "/commands", { body: text.value, query: { plan: true }, signal });
      let execution = document;
      while (!ENDED.has(execution.status) && !signal.aborted) {
        await pause(500, signal);
        execution = await get(`/executions/${encodeURIComponent(document.id)}`, {}, signal);
      }
      if (execution.errors.length && !execution.started) { replace(outcome); replace(faults, execution.errors.map((error) => h("li", {}, error))); return; }
      replace(outcome, render(await get(`/executions/${encodeURIComponent(document.id)}/plan`, {}, signal)));
      submitButton.disabled = false;
    } catch (error) {
      if (signal.aborted) return;
      replace(outcome);
      told(error);
    } finally { planButton.disabled = false; }
  }

  async function submit(event) {
    event.preventDefault();
    if (submitButton.disabled) return;
    try {
      const { document } = await call("POST", "/commands", { body: text.value, headers: { "Idempotency-Key": `"${once}"` } });
      say("It has been started.");
      location.hash = `#/executions/${encodeURIComponent(document.id)}`;
    } catch (error) { told(error); }
  }
}

// `job=execution/job`: a job document that is to be taken up where it stands.
async function started(query, signal) {
  const [execution, job] = (query.get("job") || "").split("/");
  if (!job) return {};
  return { parameters: { jobs: [await get(`/executions/${encodeURIComponent(execution)}/jobs/${encodeURIComponent(job)}`, {}, signal)] } };
}
