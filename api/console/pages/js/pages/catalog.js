// What this deployment can do.

import { all, get } from "../api.js";
import { h, replace, table } from "../dom.js";

const yes = (value) => h("span", { class: value ? "fresh" : "soft" }, value ? "yes" : "no");

export async function show(root, { signal }) {
  const [catalog, fresh] = await Promise.all([get("/catalog", {}, signal), all("/freshness", {}, signal)]);
  const seen = new Map(fresh.items.filter((item) => item.source_newest).map((item) => [item.sync_type, item.source_newest]));
  replace(root, h("h1", {}, "Catalog"),
    h("p", {}, `Analyses are computed by: ${catalog.engine}. Kinds of features: ${catalog.feature_types.join(", ")}.`),
    h("h2", {}, "Analyses"), table("Analyses", ["analysis", "available"], catalog.analyses.map((one) => [one.name, yes(one.available)])),
    h("h2", {}, "Feeds"), table("Feeds", ["feed", "available", "last release seen"],
      catalog.sync_types.map((one) => [one.name, yes(one.available), seen.get(one.name) || "–"])),
    catalog.recipes.length ? [h("h2", {}, "Raster datasets"), catalog.recipes.map((recipe) => raster(recipe, seen.get(recipe.sync_type)))] : null);
}

function raster(recipe, release) {
  const facts = {
    "synced as": recipe.sync_type, "every night at": `${recipe.schedule} UTC`, after: recipe.after.join(", ") || "nothing else",
    "releases from": recipe.source || "its sources' new versions", "last release seen": release || "–", "content from": recipe.content_start,
    keeps: recipe.keep_days === null ? "all versions" : `${recipe.keep_days} days, and for ever ${recipe.keep.length} versions`,
  };
  return h("details", {}, h("summary", {}, h("strong", {}, recipe.dataset), ` ${recipe.title}`),
    h("dl", { class: "facts" }, Object.entries(facts).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    table(`Assets of ${recipe.dataset}`, ["asset", "kind", "grid", "made from", "formula"], recipe.assets.map((asset) => [
      asset.name, asset.kind, asset.grid || "", asset.made_from.join(", "), asset.formula ? h("code", {}, asset.formula) : "",
    ])));
}
