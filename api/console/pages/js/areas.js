// Areas on a plane that fits them: flattened at their middle latitude, whole across the antimeridian.

const NARROWEST = 0.05;

// Where a place lies on the plane that fits some areas.
export function plane(features) {
  const across = farEast(features);
  const [south, north] = bounds(features.flatMap((one) => one.geometry.coordinates.flat(1)), 1);
  const narrow = Math.max(Math.cos(((south + north) / 2) * (Math.PI / 180)), NARROWEST);
  return ([x, y]) => [(across && x < 0 ? x + 360 : x) * narrow, y];
}

const NAME = "wdpa_protected_area__name";

// Each feature with the total of the row that has its ids, none is nought; and with a name, made of its ids.
export function shapes(features, totals, columns, at) {
  const name = (row) => JSON.stringify(columns.map((column) => String(row[column])));
  const found = new Map(totals.map((row) => [name(row), Number(row.total) || 0]));
  return features.map(({ properties, geometry }) => ({
    type: "Feature", total: found.get(name(properties)) || 0,
    name: [columns.map((column) => properties[column]).join("."), properties[NAME]].filter(Boolean).join(" "),
    geometry: { type: geometry.type, coordinates: geometry.coordinates.map((polygon) => polygon.map((ring) => ring.map(at))) },
  }));
}

// The places of each day as points.
export function points(days, at) {
  return days.flatMap(({ properties, geometry }) => geometry.coordinates.map((place) => {
    const [x, y] = at(place);
    return { x, y, date: properties.date };
  }));
}

function bounds(rings, axis) {
  let least = Infinity;
  let most = -Infinity;
  for (const ring of rings) for (const place of ring) { least = Math.min(least, place[axis]); most = Math.max(most, place[axis]); }
  return [least, most];
}

// Whether they lie closer together when the western half is put east of the eastern one.
function farEast(features) {
  const spans = features.flatMap((one) => one.geometry.coordinates.map((polygon) => bounds([polygon[0]], 0)));
  if (!spans.length || spans.some(([west, east]) => west < 0 && east > 0)) return false;
  const width = (list) => list.reduce((most, [, east]) => Math.max(most, east), -Infinity) - list.reduce((least, [west]) => Math.min(least, west), Infinity);
  return width(spans.map(([west, east]) => (west < 0 ? [west + 360, east + 360] : [west, east]))) < width(spans);
}
