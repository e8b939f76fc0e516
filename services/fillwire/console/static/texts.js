// How numbers and times are written.

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const date = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });

/** 14:03:22.481, in the viewer's zone. */
export const timeText = (ms) => `${clock.format(ms)}.${String(ms % 1000).padStart(3, "0")}`;

/** Date and time, in the viewer's zone. */
export const momentText = (ms) => moment.format(ms);

/** The day, in the viewer's zone. */
export const dayText = (ms) => date.format(ms);

/** Time alone if it is of today, else with its day. */
export const recentText = (ms, nowMs) => (dayText(ms) === dayText(nowMs) ? timeText(ms) : `${dayText(ms)}, ${timeText(ms)}`);

/** Likewise, to the second. */
export const whenText = (ms, nowMs) => (dayText(ms) === dayText(nowMs) ? clock.format(ms) : momentText(ms));

/** A duration in its two largest units. */
export function durationText(ms) {
  let left = Math.max(0, Math.floor(ms / 1000));
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  for (let index = 0; index < units.length; index += 1) {
    const [name, size] = units[index];
    if (left < size) continue;
    const count = Math.floor(left / size);
    left %= size;
    const [below, belowSize] = units[index + 1] ?? [null, 1];
    const rest = below ? Math.floor(left / belowSize) : 0;
    return rest ? `${count} ${name} ${rest} ${below}` : `${count} ${name}`;
  }
  return "0 s";
}

/** Microseconds with three digits that count. */
export function microsText(us) {
  const rounded = Number(us.toPrecision(3)); // before the unit is chosen: 999.6 µs are 1 ms
  if (rounded >= 1e9) return durationText(us / 1000);
  for (const [size, unit] of [[1e6, "s"], [1e3, "ms"], [1, "µs"]]) {
    if (rounded >= size) return `${(rounded / size).toPrecision(3).replace(/\.?0+$/, (zeros) => (zeros.includes(".") ? "" : zeros))} ${unit}`;
  }
  return us > 0 ? `${us.toFixed(2)} µs` : "0 µs";
}

/** A decimal string with its thousands apart; its digits are left as they are. */
export function amountText(text) {
  if (text === null || text === undefined) return "–";
  const [, sign, whole, rest] = /^(-?)(\d+)(.*)$/.exec(text) ?? [null, "", text, ""];
  return sign + whole.replace(/\B(?=(\d{3})+$)/g, "\u202f") + rest;
}

/** Words of the contract as people read them. */
export const wordText = (word) => String(word).replaceAll("_", " ");
