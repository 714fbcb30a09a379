// What this deployment can do.

import { get } from "../api.js";
import { h, replace, table } from "../dom.js";

const yes = (value) => h("span", { class: value ? "fresh" : "soft" }, value ? "yes" : "no");

export async function show(root, { signal }) {
  const catalog = await get("/catalog", {}, signal);
  replace(root, h("h1", {}, "Catalog"),
    h("p", {}, `Analyses are computed by: ${catalog.engine}. Kinds of features: ${catalog.feature_types.join(", ")}.`),
    h("h2", {}, "Analyses"), table("Analyses", ["analysis", "available"], catalog.analyses.map((one) => [one.name, yes(one.available)])),
    h("h2", {}, "Feeds"), table("Feeds", ["feed", "available"], catalog.sync_types.map((one) => [one.name, yes(one.available)])),
    (catalog.recipes || []).length ? [h("h2", {}, "Raster datasets"), catalog.recipes.map((recipe) =>
      h("details", {}, h("summary", {}, h("strong", {}, recipe.dataset || recipe.name || "recipe")), h("pre", { tabindex: "0" }, JSON.stringify(recipe, null, 2))))] : null);
}
