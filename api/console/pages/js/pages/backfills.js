// Backfills: syncs of many days or versions, a few at once; planned first, then started, paused, stopped.

import { call, every, get } from "../api.js";
import { MISSING, form as made } from "../forms.js";
import { askReason, h, replace, say, status, table } from "../dom.js";
import { moment } from "../words.js";

const AGAIN_MS = 5000;
const ENDED = new Set(["succeeded", "failed", "stopped"]);
// What can be done from each status: the API's word for it, and the button's.
const ACTIONS = { planned: [["resume", "Start"], ["stop", "Stop"]], running: [["pause", "Pause"], ["stop", "Stop"]], paused: [["resume", "Resume"], ["stop", "Stop"]] };
const LOOK = { planned: "wait", paused: "wait" };

const shown = (value) => status(LOOK[value] || value, value);
const address = (id) => `#/backfills/${encodeURIComponent(id)}`;

export async function show(root, context) {
  if (context.argument) await one(root, context);
  else await list(root, context);
}

async function list(root, { query, signal }) {
  const part = h("section", {});
  replace(root, h("h1", {}, "Backfills"), part, await creation(signal));
  const cursor = query.get("cursor");
  const read = async () => {
    const page = await get("/backfills", { cursor, limit: 50 }, signal);
    const rows = page.items.map((item) => [
      h("a", { href: address(item.id) }, `${item.types.join(", ")} ${moment(item.created)}`), shown(item.status), item.caller,
      `${item.parts.filter((one) => one.execution_id).length} of ${item.parts.length} started`, item.reason || "",
    ]);
    replace(part, table("Backfills, newest first", ["backfill", "status", "caller", "syncs", "why"], rows, "There is none."),
      page.next ? h("p", {}, h("a", { href: `#/backfills?${new URLSearchParams({ cursor: page.next })}` }, "Older backfills")) : null);
  };
  await read();
  if (!cursor) await every(AGAIN_MS, signal, read);
}

// A form made from the API's own schema; what it makes is only planned, unless the form says so.
async function creation(signal) {
  const { schemas } = (await get("/openapi.json", {}, signal)).components;
  const faults = h("ul", { class: "fault" });
  const button = h("button", { type: "submit", class: "main" }, "Make it");
  let once = crypto.randomUUID();
  const built = made(schemas.BackfillRequest, schemas, {}, changed);
  async function submit(event) {
    event.preventDefault();
    button.disabled = true;
    try {
      const { document } = await call("POST", "/backfills", { body: built.value(), headers: { "Idempotency-Key": `"${once}"` } });
      location.hash = address(document.id);
    } catch (error) {
      const lines = error.faults?.map((fault) => h("li", {}, `${fault.pointer || ""} ${fault.detail}`)) || [];
      replace(faults, lines.length ? lines : h("li", {}, error.message));
      button.disabled = false;
    }
  }
  function changed() {
    once = crypto.randomUUID();
    if (!built) return;
    const wrong = built.faults();
    replace(faults, wrong.map((fault) => h("li", { class: MISSING.test(fault) ? "missing" : null }, fault)));
    button.disabled = wrong.length > 0;
  }
  const element = h("form", { novalidate: true, onsubmit: submit }, built.element, h("div", { role: "alert" }, faults), h("p", {}, button));
  changed();
  return h("details", {}, h("summary", {}, "New backfill"), element);
}

async function one(root, { argument: id, signal }) {
  const path = `/backfills/${encodeURIComponent(id)}`;
  const read = async () => {
    const found = await get(path, {}, signal);
    const buttons = (ACTIONS[found.status] || []).map(([action, words]) => h("button", { type: "button", class: action === "stop" ? "danger" : "main", onclick: () => act(action, words) }, words));
    const facts = { id: found.id, caller: found.caller, created: `${moment(found.created)} UTC`, "at once": String(found.at_once), "on a failure": found.on_failure, "last reason": found.reason || "none given" };
    const rows = found.parts.map((part) => [part.sync_version, part.status ? shown(part.status) : "not started",
      part.execution_id ? h("a", { href: `#/executions/${encodeURIComponent(part.execution_id)}` }, part.execution_id) : ""]);
    const at = document.activeElement?.textContent;
    replace(root, h("h1", {}, `Backfill of ${found.types.join(", ")} `, shown(found.status)), h("p", { class: "row" }, buttons),
      h("dl", { class: "facts" }, Object.entries(facts).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
      table("Syncs, in the order in which they are started", ["sync version", "status", "execution"], rows));
    buttons.find((button) => button.textContent === at)?.focus();
    return found;
  };
  const act = async (action, words) => {
    const reason = await askReason(`${words} this backfill?`, words, action === "stop");
    if (!reason) return;
    try { await call("POST", `${path}/${action}`, { body: { reason } }); await read(); } catch (error) { say(error.message); }
  };
  const ended = new AbortController();
  signal.addEventListener("abort", () => ended.abort(), { once: true });
  await read();
  await every(AGAIN_MS, ended.signal, async () => { if (ENDED.has((await read()).status)) ended.abort(); });
}
