// A form made from a JSON schema as the contract writes it: objects, lists, choices, texts with patterns, maps.

import { h, replace } from "./dom.js";

// What is not wrong, only not there yet.
export const MISSING = /(is required|choose at least \d+|needs at least \d+)$/;
const SCALARS = new Set(["string", "integer", "number"]);

// Makes the form of a schema; `changed` is told of every change. `value()` is what is filled in, `faults()` what is wrong.
export function form(schema, schemas, start, changed) {
  const node = field(schema, { schemas, changed, path: "" }, start, true);
  return { element: node.element, value: node.value, faults: node.faults };
}

function resolve(schema, schemas) {
  let found = schema;
  while (found.$ref) found = { ...schemas[found.$ref.split("/").at(-1)], ...Object.fromEntries(Object.entries(found).filter(([name]) => name !== "$ref")) };
  return found;
}

function field(given, context, start, required) {
  const schema = resolve(given, context.schemas);
  const options = schema.anyOf || schema.oneOf;
  if (options && options.some((one) => one.type === "null")) {
    const others = options.filter((one) => one.type !== "null");
    return others.length === 1 ? optional(others[0], context, start) : field({ ...schema, anyOf: others, oneOf: undefined }, context, start ?? undefined, false);
  }
  if (options && options.every((one) => "const" in one || SCALARS.has(one.type))) return either(options, context, start ?? schema.default, required);
  if ("const" in schema) return { element: null, value: () => schema.const, faults: () => [] };
  if (schema.enum) return choice(schema.enum, context, start ?? schema.default, required);
  if (schema.type === "boolean") return checkbox(context, start ?? schema.default ?? false);
  if (schema.type === "array") return list(schema, context, start);
  if (schema.type === "object" && schema.properties) return group(schema, context, start);
  if (SCALARS.has(schema.type)) return text(schema, context, start ?? schema.default, required);
  if (schema.type === "object" && Object.values(schema.patternProperties || {})[0]?.type === "string") return pairs(schema, context, start);
  return json(schema, context, start);
}

function label(name) {
  const words = name.replaceAll("_", " ");
  return words[0].toUpperCase() + words.slice(1);
}

function group(schema, context, start = {}) {
  const needed = new Set(schema.required || []);
  const fields = Object.entries(schema.properties).map(([name, one]) => {
    const inner = { ...context, path: context.path ? `${context.path}/${name}` : name, name };
    const known = start === null ? undefined : start[name];
    const nested = resolve(one, context.schemas);
    return [name, field(one, inner, known, needed.has(name)), nested, needed.has(name)];
  });
  const rows = fields.filter(([, node]) => node.element).map(([name, node, nested, must]) => wrap(name, node, nested, must));
  const value = () => Object.fromEntries(fields.map(([name, node]) => [name, node.value()]).filter(([, one]) => one !== undefined));
  return { element: h("div", { class: "group" }, rows), value, faults: () => fields.flatMap(([, node]) => node.faults()), composite: true };
}

function wrap(name, node, schema, required) {
  const hint = schema.description ? h("span", { class: "hint" }, schema.description) : null;
  if (node.composite) return h("fieldset", {}, h("legend", {}, label(name)), hint, node.element);
  return h("label", node.inline ? { class: "inline" } : {}, node.inline ? [node.element, label(name)] : [`${label(name)}${required ? "" : " (optional)"}`, node.element], hint);
}

function optional(schema, context, start) {
  const given = start !== undefined && start !== null;
  const inner = resolve(schema, context.schemas);
  if (SCALARS.has(inner.type) || inner.enum) return field(inner, context, given ? start : undefined, false);
  const box = h("input", { type: "checkbox", checked: given, "aria-label": `give ${context.name}` });
  const node = field(inner, context, given ? start : undefined, true);
  const holder = h("div", { hidden: !given }, node.element);
  box.addEventListener("change", () => { holder.hidden = !box.checked; context.changed(); });
  return {
    element: h("div", {}, h("label", { class: "inline" }, box, `give ${label(context.name).toLowerCase()}`), holder), composite: true,
    value: () => (box.checked ? node.value() : undefined), faults: () => (box.checked ? node.faults() : []),
  };
}

function text(schema, context, start, required) {
  const number = schema.type !== "string";
  const input = h("input", { type: schema.format === "date" ? "date" : "text", value: start ?? "", required, autocomplete: "off", spellcheck: "false", inputmode: number ? "decimal" : null });
  const pattern = schema.pattern ? new RegExp(schema.pattern, "u") : null;
  const fault = () => {
    const value = input.value.trim();
    if (!value) return required ? `${context.path} is required` : null;
    if (number && Number.isNaN(Number(value))) return `${context.path} must be a number`;
    if (schema.type === "integer" && !/^-?\d+$/.test(value)) return `${context.path} must be a whole number`;
    if (number && Number(value) < schema.minimum) return `${context.path} must be at least ${schema.minimum}`;
    if (number && Number(value) > schema.maximum) return `${context.path} must be at most ${schema.maximum}`;
    if (value.length > schema.maxLength) return `${context.path} has more than ${schema.maxLength} characters`;
    if (pattern && !pattern.test(value)) return `${context.path} has another form than ${schema.pattern}`;
    return null;
  };
  input.addEventListener("input", () => {
    input.setAttribute("aria-invalid", fault() !== null && input.value !== "" ? "true" : "false");
    context.changed();
  });
  const value = () => (input.value.trim() === "" ? undefined : number ? Number(input.value) : input.value.trim());
  return { element: input, value, faults: () => [fault()].filter(Boolean) };
}

// One of some fixed words, or a number or text: `nan`, or a whole number.
function either(options, context, start, required) {
  const words = options.filter((one) => "const" in one).map((one) => one.const);
  const open = options.filter((one) => SCALARS.has(one.type) && !("const" in one));
  const input = h("input", { type: "text", value: start ?? "", required, autocomplete: "off", spellcheck: "false", placeholder: [...open.map((one) => one.type), ...words].join(" or ") });
  const typed = () => input.value.trim();
  const number = () => open.some((one) => one.type !== "string") && /^-?\d+(\.\d+)?$/.test(typed()) && (open.some((one) => one.type === "number") || /^-?\d+$/.test(typed()));
  const fits = () => words.includes(typed()) || number() || open.some((one) => one.type === "string");
  const faults = () => (typed() ? (fits() ? [] : [`${context.path} must be ${input.placeholder}`]) : required ? [`${context.path} is required`] : []);
  input.addEventListener("input", () => { input.setAttribute("aria-invalid", typed() && faults().length ? "true" : "false"); context.changed(); });
  return { element: input, value: () => (typed() === "" ? undefined : words.includes(typed()) ? typed() : number() ? Number(typed()) : typed()), faults };
}

// What has to be chosen is not chosen beforehand: the first of a list is nobody's decision.
function choice(values, context, start, required) {
  const select = h("select", { onchange: context.changed },
    required && start !== undefined ? null : h("option", { value: "" }, "–"), values.map((one) => h("option", { value: one, selected: one === start }, one)));
  return { element: select, value: () => select.value || undefined, faults: () => (required && !select.value ? [`${context.path} is required`] : []) };
}

function checkbox(context, start) {
  const box = h("input", { type: "checkbox", checked: Boolean(start), onchange: context.changed });
  return { element: box, value: () => box.checked, faults: () => [], inline: true };
}

function list(schema, context, start) {
  const inner = resolve(schema.items || {}, context.schemas);
  if (inner.enum) return choices(inner.enum, schema, context, start || []);
  const nodes = [];
  const holder = h("div", {});
  const add = (value) => {
    const node = field(schema.items, { ...context, path: `${context.path}/${nodes.length}`, name: "item" }, value, true);
    if (!node.composite) node.element.setAttribute("aria-label", `${label(context.name || "item")} ${nodes.length + 1}`);
    const row = h("fieldset", {}, h("legend", {}, `${label(context.name || "item")} ${nodes.length + 1}`), node.element,
      h("button", { type: "button", onclick: () => { nodes.splice(nodes.indexOf(node), 1); row.remove(); context.changed(); } }, "Remove"));
    nodes.push(node);
    holder.append(row);
  };
  const first = start?.length ? start : (schema.minItems || 0) > 0 ? [undefined] : [];
  first.forEach(add);
  const more = h("button", { type: "button", onclick: () => { add(); context.changed(); } }, "Add one");
  const faults = () => [...(nodes.length < (schema.minItems || 0) ? [`${context.path} needs at least ${schema.minItems}`] : []), ...nodes.flatMap((node) => node.faults())];
  return { element: h("div", {}, holder, more), value: () => nodes.map((node) => node.value()), faults, composite: true };
}

function choices(values, schema, context, start) {
  const boxes = values.map((value) => h("input", { type: "checkbox", value, checked: start.includes(value), onchange: context.changed }));
  const value = () => boxes.filter((box) => box.checked).map((box) => box.value);
  return {
    element: h("div", { class: "row" }, boxes.map((box) => h("label", { class: "inline" }, box, box.value))), value, composite: true,
    faults: () => (value().length < (schema.minItems || 0) ? [`${context.path}: choose at least ${schema.minItems}`] : []),
  };
}

// A map of names to texts: a line for each.
function pairs(schema, context, start) {
  const [[names, inner]] = Object.entries(schema.patternProperties);
  const fits = (pattern, text) => !pattern || new RegExp(pattern, "u").test(text);
  const lines = [];
  const holder = h("div", { class: "group" });
  const add = (name = "", value = "") => {
    const title = label(context.name);
    const [first, second] = [["name", name], ["value", value]].map(([what, text]) =>
      h("input", { value: text, placeholder: what, autocomplete: "off", spellcheck: "false", "aria-label": `${title} ${lines.length + 1}: ${what}`, oninput: context.changed }));
    const line = { first, second };
    const row = h("div", { class: "row" }, first, second,
      h("button", { type: "button", onclick: () => { lines.splice(lines.indexOf(line), 1); row.remove(); context.changed(); } }, "Remove"));
    lines.push(line);
    holder.append(row);
  };
  Object.entries(start || {}).forEach(([name, value]) => add(name, value));
  const given = () => lines.map(({ first, second }) => [first.value.trim(), second.value.trim()]);
  const faults = () => [
    ...given().filter(([name]) => !fits(names, name)).map(([name]) => `${context.path}: the name ${JSON.stringify(name)} has another form than ${names}`),
    ...given().filter(([, value]) => !fits(inner.pattern, value)).map(([name]) => `${context.path}/${name} has another form than ${inner.pattern}`),
    ...(new Set(given().map(([name]) => name)).size < lines.length ? [`${context.path} has a name twice`] : []),
  ];
  return {
    element: h("div", {}, holder, h("button", { type: "button", onclick: () => { add(); context.changed(); } }, "Add one")), composite: true,
    value: () => (lines.length ? Object.fromEntries(given()) : undefined),
    faults,
  };
}

// What has no form of its own is written as JSON.
function json(schema, context, start) {
  const area = h("textarea", { spellcheck: "false", rows: 3 }, start === undefined ? "" : JSON.stringify(start, null, 2));
  const parsed = () => { try { return area.value.trim() ? JSON.parse(area.value) : undefined; } catch { return null; } };
  area.addEventListener("input", () => { area.setAttribute("aria-invalid", parsed() === null ? "true" : "false"); context.changed(); });
  return { element: area, value: parsed, faults: () => (parsed() === null ? [`${context.path} is not JSON`] : []) };
}
