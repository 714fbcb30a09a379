// One sync config: what it is, its switch, its runs and who changed what.

import { all, call, get } from "../api.js";
import { h, replace, say, status, table } from "../dom.js";
import { toggle } from "../switches.js";
import { moment } from "../words.js";

export async function show(root, context) {
  const { argument: id, signal } = context;
  const path = `/sync-configs/${encodeURIComponent(id)}`;
  const config = await get(path, {}, signal);
  const [history, fresh] = await Promise.all([all(`${path}/history`, {}, signal, 1),
    all("/freshness", { analysis: config.analysis, sync_type: config.sync_type }, signal)]);
  const last = fresh.items.find((item) => item.config_id === config.id);
  const runKey = crypto.randomUUID();
  const run = async () => {
    try {
      const { document } = await call("POST", `${path}/run`, { headers: { "Idempotency-Key": `"${runKey}"` } });
      location.hash = `#/executions/${encodeURIComponent(document.id)}`;
    } catch (error) { say(error.message); }
  };
  const facts = { feed: config.sync_type, analysis: `${config.analysis} ${config.analysis_version}`, "brought to": config.sync_version || "never", revision: String(config.revision), id: config.id };
  replace(root,
    h("h1", {}, `${config.dataset} ${config.dataset_version} ${config.analysis}`),
    h("p", { class: "row" }, h("label", { class: "inline" }, toggle(config, () => show(root, context), last), "follow its feed"),
      h("button", { type: "button", onclick: run }, "Sync it now")),
    h("dl", { class: "facts" }, Object.entries(facts).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    lastPart(last, config.sync),
    h("h2", {}, "Metadata"), h("pre", { tabindex: "0" }, JSON.stringify(config.metadata, null, 2)),
    h("h2", {}, "Who changed what"),
    table("Changes, newest first", ["when (UTC)", "who", "what", "why"], history.items.map((change) => [
      moment(change.at), change.caller, [status(change.action, change.action), " ", change.changes.map((one) => h("code", {}, `${one.pointer}: ${JSON.stringify(one.before)} → ${JSON.stringify(one.after)} `))], change.reason || "",
    ]), "Nobody has changed it."));
}

function lastPart(last, on) {
  if (!last) return h("p", { class: "soft" }, on ? "How fresh its tables are is not known." : "It is switched off: its tables stay as they are.");
  const run = last.last_run;
  return h("section", {}, h("h2", {}, "How fresh"),
    h("dl", { class: "facts" },
      h("dt", {}, "source's newest"), h("dd", {}, last.source_newest || "–"),
      h("dt", {}, "published until"), h("dd", {}, last.alerts_until || last.sync_version || "never"),
      h("dt", {}, "behind"), h("dd", {}, last.behind_since ? status("behind", `since ${moment(last.behind_since)} UTC`) : status("fresh", "no")),
      h("dt", {}, "last run"), h("dd", {}, run ? [h("a", { href: `#/executions/${encodeURIComponent(run.execution_id)}` }, `${run.status} ${moment(run.ended || run.created)}`), run.message ? ` ${run.message}` : ""] : "none"),
      last.feed_error ? [h("dt", {}, "feed error"), h("dd", { class: "error" }, last.feed_error)] : null));
}
