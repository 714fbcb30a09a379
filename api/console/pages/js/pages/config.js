// One sync config: what it is, its switch, its runs and who changed what.

import { all, call, get } from "../api.js";
import { h, replace, say, status, table } from "../dom.js";
import { toggle } from "../switches.js";
import { moment } from "../words.js";

export async function show(root, context) {
  const { argument: id, signal } = context;
  const path = `/sync-configs/${encodeURIComponent(id)}`;
  const config = await get(path, {}, signal);
  const history = await all(`${path}/history`, {}, signal, 1);
  const runKey = crypto.randomUUID();
  const run = async () => {
    try {
      const { document } = await call("POST", `${path}/run`, { headers: { "Idempotency-Key": `"${runKey}"` } });
      location.hash = `#/executions/${document.id}`;
    } catch (error) { say(error.message); }
  };
  const facts = { feed: config.sync_type, analysis: `${config.analysis} ${config.analysis_version}`, "brought to": config.sync_version || "never", revision: String(config.revision), id: config.id };
  replace(root,
    h("h1", {}, `${config.dataset} ${config.dataset_version} ${config.analysis}`),
    h("p", { class: "row" }, h("label", { class: "inline" }, toggle(config, () => show(root, context)), "follow its feed"),
      h("button", { type: "button", onclick: run }, "Sync it now")),
    h("dl", { class: "facts" }, Object.entries(facts).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    h("h2", {}, "Metadata"), h("pre", { tabindex: "0" }, JSON.stringify(config.metadata, null, 2)),
    h("h2", {}, "Who changed what"),
    table("Changes, newest first", ["when (UTC)", "who", "what", "why"], history.items.map((change) => [
      moment(change.at), change.caller, [status(change.action, change.action), " ", change.changes.map((one) => h("code", {}, `${one.pointer}: ${JSON.stringify(one.before)} → ${JSON.stringify(one.after)} `))], change.reason || "",
    ]), "Nobody has changed it."));
}
