// What this deployment can do: analyses, feeds, and how raster datasets are made.

import { all, get } from "../api.js";
import { h, replace, status, table } from "../dom.js";
import { count, moment } from "../words.js";

const yes = (value) => (value ? status("fresh", "yes") : status("wait", "not in this deployment"));

export async function show(root, { signal }) {
  const [catalog, fresh] = await Promise.all([get("/catalog", {}, signal), all("/freshness", {}, signal)]);
  const seen = newest(fresh.items);
  const recipes = h("section", {});
  replace(root, h("h1", {}, "Catalog"),
    h("p", {}, `Analyses are computed by: ${catalog.engine}. Kinds of features: ${catalog.feature_types.join(", ")}.`),
    h("div", { class: "halves" },
      h("section", {}, h("h2", {}, "Analyses"),
        table("Analyses", ["analysis", "available"], catalog.analyses.map((one) => [one.name, yes(one.available)]), "There are none.", { hidden: true })),
      h("section", {}, h("h2", {}, "Feeds"), table("Feeds", ["feed", "available", "last release seen by its syncs"],
        catalog.sync_types.map((one) => [one.name, yes(one.available), seen.get(one.name) || "–"]), "There are none.", { hidden: true }))),
    recipes);
  if (!catalog.recipes.length) return;
  rasters(recipes, catalog.recipes, new Map());
  const found = await Promise.all(catalog.recipes.map((recipe) => release(recipe.dataset, signal)));
  rasters(recipes, catalog.recipes, new Map(catalog.recipes.map((recipe, at) => [recipe.dataset, found[at]])));
}

function newest(items) {
  const seen = new Map();
  for (const { sync_type: type, source_newest: release } of items) if (release && !(release <= seen.get(type))) seen.set(type, release);
  return seen;
}

// The version that the newest execution with a job of a raster dataset makes is the release that was seen last.
async function release(dataset, signal) {
  const { items } = await get("/executions", { dataset, limit: 1 }, signal);
  if (!items.length) return null;
  const execution = await get(`/executions/${encodeURIComponent(items[0].id)}`, {}, signal);
  const job = execution.jobs.find((one) => one.dataset === dataset && one.version);
  return job ? { version: job.version, status: job.status, at: execution.created, id: execution.id } : null;
}

function rasters(part, recipes, releases) {
  const rows = recipes.map((recipe) => {
    const last = releases.get(recipe.dataset);
    return [
      [h("strong", {}, recipe.dataset), h("br"), recipe.title], `${recipe.schedule} UTC`, recipe.after.join(", ") || "nothing else",
      last ? [h("a", { href: `#/executions/${encodeURIComponent(last.id)}` }, last.version), " ", status(last.status), ` ${moment(last.at)}`] : "–",
      [...new Set(recipe.assets.map((asset) => asset.grid).filter(Boolean))].join(", "), keeps(recipe),
    ];
  });
  const open = new Set([...part.querySelectorAll("details[open]")].map((one) => one.dataset.name));
  replace(part, h("h2", {}, "Raster datasets"),
    table("Raster datasets", ["dataset", "every night at", "after", "last release seen", "grids", "keeps"], rows, "There are none.", { hidden: true }),
    h("h3", {}, "How they are made"), recipes.map((recipe) => raster(recipe, open.has(recipe.dataset))));
}

const keeps = (recipe) => (recipe.keep_days === null ? "all versions" : `${recipe.keep_days} days, and for ever ${count(recipe.keep.length, "version")}`);

function raster(recipe, open) {
  const facts = { "synced as": recipe.sync_type, "releases from": recipe.source || "its sources' new versions", "content from": recipe.content_start };
  return h("details", { open, "data-name": recipe.dataset }, h("summary", {}, h("strong", {}, recipe.dataset), ` ${recipe.title}: ${count(recipe.assets.length, "asset")}`),
    h("dl", { class: "facts" }, Object.entries(facts).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    table(`Assets of ${recipe.dataset}`, ["asset", "kind", "grid", "made from", "formula"], recipe.assets.map((asset) => [
      asset.name, asset.kind, asset.grid || "", asset.made_from.join(", "), asset.formula ? h("code", {}, asset.formula) : "",
    ]), "It has none.", { hidden: true }));
}
