// What a map tells of its areas: of the one under the pointer beside it, of each in a list that keys and fingers reach.

import { h } from "./dom.js";

const AWAY = 12;

// A frame for a map of areas, and what makes it answer once it is drawn.
export function answering(holder, rows) {
  const tip = h("div", { class: "tip", hidden: true, "aria-hidden": "true" });
  const frame = h("div", { class: "map" }, holder, tip);
  const sorted = [...rows].sort((a, b) => b.total - a.total || (a.name < b.name ? -1 : 1));
  const list = h("select", {}, h("option", { value: "" }, "none is marked"), sorted.map((row) => h("option", { value: row.name }, words(row))));
  const answer = (view) => {
    const mark = () => view.signal("picked", list.value).runAsync();
    list.addEventListener("change", mark);
    view.addEventListener("mousemove", (event, item) => {
      tip.hidden = !item?.datum || !(item.datum.name || item.datum.date);
      if (tip.hidden) return;
      tip.textContent = words(item.datum);
      place(tip, frame, event);
    });
    view.addEventListener("mouseout", () => { tip.hidden = true; });
    view.addEventListener("click", (_, item) => {
      if (!item?.datum?.name) return;
      list.value = item.datum.name;
      mark();
    });
  };
  return { part: [frame, rows.length ? h("p", {}, h("label", {}, "Area, and its figure", list)) : null], answer };
}

function words({ name, total, date }) {
  return name ? `${name}: ${total.toLocaleString("en")}` : `a fire of ${date}`;
}

// Beside the pointer, within the frame.
function place(tip, frame, event) {
  const room = frame.getBoundingClientRect();
  const left = Math.min(event.clientX - room.left + AWAY, room.width - tip.offsetWidth);
  Object.assign(tip.style, { left: `${Math.max(0, left)}px`, top: `${event.clientY - room.top + AWAY}px` });
}
