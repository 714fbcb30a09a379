// Elements are built, never parsed: text from the API stays text.

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function replace(parent, ...children) {
  parent.replaceChildren(...children.flat(Infinity).filter(Boolean));
  return parent;
}

// As `replace`, and what somebody has opened or has the focus on stays so: told by its `data-key`.
export function refresh(parent, ...children) {
  const opened = new Map([...parent.querySelectorAll("details[data-key]")].map((one) => [one.dataset.key, one.open]));
  const focused = parent.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  replace(parent, ...children);
  for (const one of parent.querySelectorAll("[data-key]")) {
    if (opened.has(one.dataset.key)) one.open = opened.get(one.dataset.key);
    if (one.dataset.key === focused) one.focus({ preventScroll: true });
  }
}

export function say(text) {
  const line = h("p", {}, text);
  document.getElementById("said").append(line);
  setTimeout(() => line.remove(), 8000);
}

// A link to somewhere outside only if it is plainly one: what a job says is not trusted with any other scheme.
// What is none, the path of a log, can be copied.
export function link(address, text) {
  if (/^https?:\/\//.test(address)) return h("a", { href: address, rel: "noreferrer" }, text);
  return h("button", { type: "button", class: "small", title: address, onclick: () => copy(address) }, `Copy ${text} address`);
}

export async function copy(text) {
  try { await navigator.clipboard.writeText(text); say("Copied."); } catch { say(`The browser does not let it be copied: ${text}`); }
}

export const stamp = (text) => h("span", { class: "stamp" }, text);

export function status(value, text = value) {
  return h("span", { class: `status ${value}` }, text);
}

// What a cell has: nothing at all if it is empty, so that its name is not shown on a narrow screen.
function held(cell) {
  const parts = [cell].flat(Infinity).filter((part) => part !== null && part !== undefined && part !== false && part !== "");
  return Array.isArray(cell) && parts.length ? [h("div", {}, parts)] : parts;
}

// `hidden`: the caption repeats the heading above it, and is there for those who do not see that.
export function table(caption, columns, rows, none = "nothing", { hidden = false } = {}) {
  if (!rows.length) return h("p", { class: "soft" }, none);
  const head = h("thead", {}, h("tr", {}, columns.map((column) => h("th", { scope: "col" }, column))));
  const body = rows.map((cells) =>
    h("tr", {}, cells.map((cell, at) => h("td", { "data-label": columns[at] }, held(cell)))));
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", { class: "stack" }, h("caption", hidden ? { class: "unseen" } : {}, caption), head, h("tbody", {}, body)));
}

// Asks in a dialog; resolves to what `read` makes of the form, or null if the caller thinks better of it.
export function ask(title, body, { action = "OK", danger = false, read = () => true } = {}) {
  return new Promise((resolve) => {
    const form = h("form", { method: "dialog" },
      h("h2", {}, title), body,
      h("p", { class: "row" },
        h("button", { type: "submit", class: danger ? "danger" : "main", value: "yes" }, action),
        h("button", { type: "button", onclick: () => dialog.close() }, "Cancel")));
    const dialog = h("dialog", { "aria-label": title }, form);
    let answer = null;
    form.addEventListener("submit", () => { answer = read(form); });
    dialog.addEventListener("close", () => { dialog.remove(); resolve(answer); });
    document.body.append(dialog);
    dialog.showModal();
  });
}

export async function askReason(title, action, danger = false, told = null) {
  const field = h("input", { name: "reason", required: true, maxlength: "500", autocomplete: "off" });
  const given = await ask(title, h("div", {}, told, h("label", {}, "Why? It is kept in the history.", field)),
    { action, danger, read: () => field.value.trim() });
  return given || null;
}
