// Finds the page that the address names, shows it, and ends what the one before was doing.

import { key, state, Problem, get } from "./api.js";
import { h, replace, say } from "./dom.js";

const PAGES = [
  ["overview", "Overview", /^$/, () => import("./pages/overview.js")],
  ["executions", "Executions", /^executions$/, () => import("./pages/executions.js")],
  ["execution", null, /^executions\/([^/]+)$/, () => import("./pages/execution.js")],
  ["results", "Results", /^results$/, () => import("./pages/results.js")],
  ["result", null, /^results\/(.+)$/, () => import("./pages/results.js")],
  ["backfills", "Backfills", /^backfills$/, () => import("./pages/backfills.js")],
  ["backfill", null, /^backfills\/([^/]+)$/, () => import("./pages/backfills.js")],
  ["configs", "Sync configs", /^sync-configs$/, () => import("./pages/configs.js")],
  ["config", null, /^sync-configs\/([^/]+)$/, () => import("./pages/config.js")],
  ["command", "New command", /^command$/, () => import("./pages/command.js")],
  ["catalog", "Catalog", /^catalog$/, () => import("./pages/catalog.js")],
];
// Under which of the named pages the others are.
const PARENTS = { execution: "executions", result: "results", backfill: "backfills", config: "configs" };
const ADDRESS = { overview: "#/", executions: "#/executions", results: "#/results", configs: "#/sync-configs", backfills: "#/backfills", command: "#/command", catalog: "#/catalog" };
const main = document.getElementById("main");
let running = new AbortController();

// What a page that was left still waited for is no error.
addEventListener("unhandledrejection", (event) => { if (event.reason?.name === "AbortError") event.preventDefault(); });

// `moved`: somebody has come here from another page, and goes on reading at its beginning.
async function show({ moved = false } = {}) {
  running.abort();
  running = new AbortController();
  const { signal } = running;
  const [path, search = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const found = PAGES.map(([name, title, pattern, load]) => ({ name, title, load, match: pattern.exec(path) })).find((page) => page.match);
  navigate(found?.name);
  if (!key.get()) { enter(); return; }
  if (!found) { replace(main, h("h1", {}, "There is no such page"), h("p", {}, h("a", { href: "#/" }, "Overview"))); return; }
  try {
    const module = await found.load();
    if (signal.aborted) return;
    const root = h("div", { "data-page": found.name });
    replace(main, root);
    if (moved) main.focus({ preventScroll: true });
    await module.show(root, { argument: found.match[1] && decodeURIComponent(found.match[1]), query: new URLSearchParams(search), signal });
  } catch (error) {
    if (!signal.aborted) fail(error);
  }
}

function navigate(current) {
  const links = PAGES.filter(([, title]) => title).map(([name, title]) =>
    h("a", { href: ADDRESS[name], "aria-current": name === current ? "page" : name === PARENTS[current] ? "true" : null }, title));
  const line = document.getElementById("pages");
  replace(line, links);
  // On a narrow screen they are a line that can be moved; where Tab begins stays as it is.
  const shown = links.find((one) => one.getAttribute("aria-current"));
  if (shown) line.scrollLeft = shown.offsetLeft + shown.offsetWidth - line.offsetLeft - line.clientWidth;
  const leave = h("button", { type: "button", onclick: () => { key.drop(); show(); } }, "Forget the key");
  replace(document.getElementById("caller"), key.get() ? leave : null);
}

function fail(error) {
  if (error instanceof Problem && error.status === 401) {
    key.drop();
    navigate();
    enter("The key is not known, has expired or was revoked: enter another one. The page then goes on where it was.");
    return;
  }
  const again = h("button", { type: "button", onclick: () => show() }, "Try again");
  replace(main, h("h1", {}, "That did not work"), h("p", { class: "error", role: "alert" }, error.message), again);
  if (!(error instanceof Problem)) console.error(error);
}

function enter(reason) {
  const field = h("input", { type: "password", name: "key", required: true, autocomplete: "off", spellcheck: "false", size: 48 });
  const fault = h("p", { class: "fault", role: "alert" }, reason || "");
  const submit = async (event) => {
    event.preventDefault();
    key.set(field.value.trim());
    try {
      await get("/executions", { limit: 1 });
      show();
    } catch (error) {
      key.drop();
      fault.textContent = error.status === 401 ? "This key is not known, or was revoked." : error.message;
    }
  };
  replace(main, h("h1", {}, "Enter your key"),
    h("form", { onsubmit: submit },
      h("label", {}, "Key", field), h("p", { class: "hint" }, "It is kept for this tab only."), fault,
      h("button", { type: "submit", class: "main" }, "Go on")));
  field.focus();
}

state.listeners.add((offline) => {
  const line = document.getElementById("offline");
  line.hidden = !offline;
  line.textContent = offline ? "The server does not answer. What is shown may be old; it is asked again every few seconds." : "";
  if (!offline) say("The server answers again.");
});
window.addEventListener("hashchange", () => show({ moved: true }));
window.addEventListener("unhandledrejection", (event) => { if (event.reason instanceof Problem) { event.preventDefault(); fail(event.reason); } });
show();
