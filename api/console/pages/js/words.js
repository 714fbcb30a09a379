// How times, spans and numbers are written.

export function moment(text) {
  if (!text) return "–";
  return `${text.slice(0, 10)} ${text.slice(11, 16)}`;
}

export function span(seconds) {
  if (seconds === null || seconds === undefined || Number.isNaN(seconds)) return "–";
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${(seconds / 3600).toFixed(1)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

export function percent(share) {
  return `${Math.round(share * 100)} %`;
}

export function age(text, now = Date.now()) {
  return span(Math.max(0, (now - Date.parse(text)) / 1000));
}

export function count(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}
