// The one place that asks the API. The key is kept for this tab only.

const KEY = "datapump-key";
const TIMEOUT_MS = 40000;
const AGAIN_MS = 3000;
export const state = { offline: false, listeners: new Set() };

export const key = {
  get: () => sessionStorage.getItem(KEY),
  set: (value) => sessionStorage.setItem(KEY, value),
  drop: () => sessionStorage.removeItem(KEY),
};

export class Problem extends Error {
  constructor(status, document) {
    super(document.detail || document.title || `status ${status}`);
    this.status = status;
    this.document = document;
    this.faults = document.errors || [];
  }
}

function mark(offline) {
  if (state.offline === offline) return;
  state.offline = offline;
  for (const listener of state.listeners) listener(offline);
}

export async function call(method, path, { body, headers = {}, query = {}, signal } = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const address = given.length ? `${path}?${new URLSearchParams(given)}` : path;
  const sent = { Authorization: `Bearer ${key.get()}`, ...headers };
  if (body !== undefined) sent["Content-Type"] = "application/json";
  const limits = [AbortSignal.timeout(TIMEOUT_MS), ...(signal ? [signal] : [])];
  let response;
  try {
    response = await fetch(address, {
      method, headers: sent, cache: "no-store", credentials: "omit", redirect: "error",
      body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
      signal: AbortSignal.any(limits),
    });
  } catch (error) {
    if (signal && signal.aborted) throw error;
    mark(true);
    throw new Problem(0, { detail: "The server does not answer." });
  }
  mark(false);
  const text = await response.text();
  let document = {};
  try { document = text ? JSON.parse(text) : {}; } catch { document = { detail: text.slice(0, 500) }; }
  if (!response.ok) throw new Problem(response.status, document);
  return { document, etag: response.headers.get("ETag"), location: response.headers.get("Location") };
}

export const get = async (path, query, signal) => (await call("GET", path, { query, signal })).document;

// All items of a list, up to so many pages: the console never asks without an end.
export async function all(path, query, signal, pages = 5) {
  const items = [];
  let cursor;
  for (let page = 0; page < pages; page += 1) {
    const found = await get(path, { limit: 200, ...query, cursor }, signal);
    items.push(...found.items);
    if (!found.next) return { items, more: Boolean(found.limited) };
    cursor = found.next;
  }
  return { items, more: true };
}

// Does something again and again while the page is shown and the tab is looked at; waits longer while it fails.
export async function every(ms, signal, work) {
  let wait = ms;
  while (!signal.aborted) {
    if (!document.hidden) {
      try {
        await work();
        wait = ms;
      } catch (error) {
        if (signal.aborted) return;
        if (error.status === 401) throw error;
        wait = error.status === 0 ? AGAIN_MS : Math.min(wait * 2, 60000);
        if (error.status !== 0) console.warn(error.message);
      }
    }
    await pause(wait, signal);
  }
}

export function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}
