// The switch of a sync config: asks why, and if somebody was faster, shows both sides.

import { call, get } from "./api.js";
import { ask, askReason, h, say } from "./dom.js";
import { moment } from "./words.js";

// `last` is how fresh its tables are, as far as that is known: the last run is shown to who switches.
export function toggle(config, changed, last) {
  const name = `${config.dataset} ${config.analysis} ${config.sync_type}`;
  const box = h("input", { type: "checkbox", role: "switch", checked: config.sync, "aria-label": `follow the feed: ${name}` });
  box.addEventListener("change", async () => {
    const wanted = box.checked;
    box.checked = !wanted;
    const reason = await askReason(`Switch ${name} ${wanted ? "on" : "off"}?`, wanted ? "Switch on" : "Switch off", !wanted, lastRun(last));
    if (!reason) return;
    try {
      await patch(config.id, `"${config.revision}"`, wanted, reason);
    } catch (error) {
      if (error.status === 412) { if (!(await both(config, wanted, reason))) { changed(); return; } }
      else { say(error.message); return; }
    }
    say(`${name} is ${wanted ? "on" : "off"}.`);
    changed();
  });
  return box;
}

function lastRun(last) {
  const run = last?.last_run;
  const told = run ? `${run.status} ${moment(run.ended || run.created)} UTC${run.message ? `: ${run.message}` : ""}` : "none is known";
  return h("p", {}, h("strong", {}, "Last run: "), told, last?.behind_since ? h("span", { class: "behind" }, `; behind since ${moment(last.behind_since)}`) : null);
}

const patch = (id, match, sync, reason) =>
  call("PATCH", `/sync-configs/${encodeURIComponent(id)}`, { body: { sync, reason }, headers: { "If-Match": match } });

// Somebody else has changed it since it was read: what it is now, who did that and why, and what was wanted here.
async function both(config, wanted, reason) {
  const now = await get(`/sync-configs/${encodeURIComponent(config.id)}`);
  const { items } = await get(`/sync-configs/${encodeURIComponent(config.id)}/history`, { limit: 1 });
  const theirs = items[0];
  const body = h("div", { class: "sides" },
    h("section", {}, h("h3", {}, "Now"), h("p", {}, `switched ${now.sync ? "on" : "off"}, revision ${now.revision}`),
      theirs ? h("p", {}, `${theirs.caller}, ${moment(theirs.at)}: ${theirs.reason || "no reason given"}`) : null),
    h("section", {}, h("h3", {}, "You wanted"), h("p", {}, `switched ${wanted ? "on" : "off"}, from revision ${config.revision}`), h("p", {}, reason)));
  if (!(await ask("Somebody has changed this meanwhile", body, { action: "Change it all the same" }))) return false;
  await patch(config.id, `"${now.revision}"`, wanted, reason);
  return true;
}
