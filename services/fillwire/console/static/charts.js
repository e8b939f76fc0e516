// Charts as inline SVG: drawn to the width that there is, labelled for who does not see them.

import { h, s, put } from "./dom.js";
import { microsText } from "./texts.js";

let lastId = 0;

/** Return an element that `draw(width)` fills with SVG, anew when its width changes; call `redraw` when the data did. */
export function chart(label, height, draw) {
  const id = `chart-${(lastId += 1)}`;
  const title = s("title", { id });
  const frame = h("div", { class: "chart" });
  const redraw = () => {
    const width = Math.max(280, frame.clientWidth || 800);
    const { parts, summary } = draw(width);
    title.textContent = `${label}: ${summary}`;
    put(frame, s("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-labelledby": id }, title, parts));
  };
  const watching = new ResizeObserver(() => requestAnimationFrame(redraw));
  watching.observe(frame);
  return { element: frame, redraw, stop: () => watching.disconnect() };
}

/** Return a drawing that says why there is none. */
export const nothing = (width, height, sentence) => ({
  parts: [s("text", { x: width / 2, y: height / 2, "text-anchor": "middle", class: "axis" }, sentence)],
  summary: sentence,
});

/** A small line of counts, the newest at the right; for the eye only. */
export function spark(counts) {
  const most = Math.max(1, ...counts);
  const points = counts.map((count, index) => `${index} ${(20 - (count / most) * 18).toFixed(2)}`).join("L");
  const last = counts.length - 1;
  return s("svg", { viewBox: `0 0 ${last} 20`, preserveAspectRatio: "none", class: "spark" }, s("path", { class: "area gain", d: `M0 20L${points}L${last} 20Z` }), s("path", { class: "curve gain", d: `M${points}`, "vector-effect": "non-scaling-stroke" }));
}

/** Bars over a logarithmic axis of microseconds. */
export function histogram(values, width, height, marks) {
  if (!values.length) return nothing(width, height, "No fills with times yet");
  const left = 8, right = 8, bottom = 24, top = 22;
  const low = Math.floor(Math.log10(Math.max(1, values[0])) * 4) / 4;
  const high = Math.max(low + 0.5, Math.ceil(Math.log10(Math.max(1, values.at(-1)) * 1.001) * 4) / 4);
  const count = Math.max(16, Math.min(60, Math.floor(width / 16)));
  const bins = new Array(count).fill(0);
  const place = (value) => (Math.log10(Math.max(1, value)) - low) / (high - low);
  for (const value of values) bins[Math.min(count - 1, Math.max(0, Math.floor(place(value) * count)))] += 1;
  const most = Math.max(...bins);
  const inner = width - left - right;
  const floor = height - bottom;
  const step = inner / count;
  const x = (value) => left + place(value) * inner;
  const parts = bins.map((bin, index) =>
    bin ? s("rect", { class: "bar", x: left + index * step + 1, width: Math.max(1, step - 2), y: floor - ((floor - top) * bin) / most, height: ((floor - top) * bin) / most, rx: 2 }) : null,
  );
  parts.push(s("line", { class: "grid", x1: left, x2: width - right, y1: floor, y2: floor }));
  let free = -Infinity;
  const factors = high - low > 1 ? [1, 2, 5] : [1, 2, 3, 4, 5, 6, 7, 8, 9];
  for (let exponent = Math.floor(low); exponent <= high; exponent += 1) {
    for (const factor of factors) {
      const value = factor * 10 ** exponent;
      if (Math.log10(value) < low || x(value) < free || x(value) > width - 24) continue;
      parts.push(s("text", { class: "axis", x: Math.max(20, x(value)), y: height - 6, "text-anchor": "middle" }, microsText(value)));
      free = x(value) + 64;
    }
  }
  // The first says its name to the left of its line and the last to the right, as far as there is room.
  marks.forEach(([name, value], index) => {
    const isFirst = index === 0 && x(value) > 120;
    const at = isFirst ? Math.min(x(value) - 4, width - 128) : Math.min(x(value) + 4, width - 112);
    parts.push(s("line", { class: "mark", x1: x(value), x2: x(value), y1: top - 4, y2: floor }));
    parts.push(s("text", { class: "axis strong", x: at, y: index && at - 120 < x(marks[0][1]) && x(marks[0][1]) <= 120 ? 26 : 12, "text-anchor": isFirst ? "end" : "start" }, `${name} ${microsText(value)}`));
  });
  return { parts, summary: `${values.length} fills, ${marks.map(([name, value]) => `${name} ${microsText(value)}`).join(", ")}` };
}

/** A line over days that also marks zero, above a bar for each day; `points` are [day, sum, its text, the day's own, its text]. */
export function line(points, width, height) {
  if (!points.length) return nothing(width, height, "No trades are recorded yet");
  const left = 16, right = 84, top = 14, bottom = 66, strip = 34;
  const values = points.map(([, value]) => value);
  const low = Math.min(0, ...values), high = Math.max(0, ...values);
  const span = high - low || 1;
  const x = (index) => (points.length === 1 ? (width - right + left) / 2 : left + (index * (width - left - right)) / (points.length - 1));
  const y = (value) => top + ((high - value) / span) * (height - top - bottom);
  const path = points.map(([, value], index) => `${index ? "L" : "M"}${x(index).toFixed(1)} ${y(value).toFixed(1)}`).join("");
  const look = values.at(-1) >= 0 ? "gain" : "loss";
  const most = Math.max(...points.map(([, , , own]) => Math.abs(own)), Number.MIN_VALUE);
  const middle = height - 22 - (points.some(([, , , own]) => own < 0) ? strip / 2 : 4);
  const step = points.length === 1 ? width - right - left : (width - right - left) / (points.length - 1);
  const days = points.map(([day, , sumText, own, ownText], index) => {
    const size = Math.max(own ? 1 : 0, (Math.abs(own) / most) * (strip / 2));
    const wide = Math.max(1, Math.min(24, step * 0.6));
    return [
      s("rect", { class: own < 0 ? "day loss" : "day gain", x: x(index) - wide / 2, width: wide, y: own < 0 ? middle : middle - size, height: size, rx: 1 }),
      s("rect", { class: "hover", x: x(index) - step / 2, width: step, y: 0, height: height - 20 }, s("title", {}, `${day}: ${ownText} on this day, ${sumText} in all`)),
    ];
  });
  const parts = [
    s("line", { class: "grid", x1: left, x2: width - right, y1: y(0), y2: y(0) }),
    s("text", { class: "axis", x: width - right + 6, y: y(0) + 4 }, "0"),
    points.length > 1 ? s("path", { class: `area ${look}`, d: `${path}L${x(points.length - 1)} ${y(0)}L${x(0)} ${y(0)}Z` }) : null,
    s("path", { class: `curve ${look}`, d: path }),
    s("circle", { class: `dot ${look}`, cx: x(points.length - 1), cy: y(values.at(-1)), r: 4 }),
    Math.abs(y(values.at(-1)) - y(0)) > 14 ? s("text", { class: "axis strong", x: width - right + 6, y: y(values.at(-1)) + 4 }, points.at(-1)[2]) : null,
    s("text", { class: "axis", x: left, y: height - 6 }, points[0][0]),
    points.length > 1 ? s("text", { class: "axis", x: width - right, y: height - 6, "text-anchor": "end" }, points.at(-1)[0]) : null,
    s("line", { class: "grid", x1: left, x2: width - right, y1: middle, y2: middle }),
    s("text", { class: "axis", x: width - right + 16, y: middle + 4 }, "by day"),
    days.flat(),
  ].flat();
  return { parts, summary: `${points.length} days to ${points.at(-1)[0]}, at last ${points.at(-1)[2]}` };
}

const TONES = { emit: "exchange", exchange: "exchange", receive: "gateway", parse: "gateway", parsed: "gateway", publish: "broker", to: "broker", stored: "broker", deliver: "host", callback: "bot" };
const toneOf = (step) => (step.error ? "failed" : TONES[step.name.split(" ")[0].toLowerCase()] ?? "broker");

/** Steps of a fill's way, one below the other on one scale. */
export function waterfall(steps) {
  const end = Math.max(1, ...steps.map((step) => step.start_us + step.took_us));
  return h(
    "ol",
    { class: "way" },
    steps.map((step) => {
      const bar = h("i", { class: `tone-${toneOf(step)}` });
      // A last step that took next to nothing is seen, too: three pixels before the end.
      bar.style.marginLeft = `min(${((step.start_us / end) * 100).toFixed(2)}%, 100% - 3px)`;
      bar.style.width = `max(3px, ${((step.took_us / end) * 100).toFixed(2)}%)`;
      const name = h("span", { class: "step" }, step.name, step.service ? h("small", {}, ` ${step.service}`) : null, step.error ? h("small", { class: "problem" }, ` raised ${step.error}`) : null);
      name.style.paddingLeft = `${Math.min(step.depth ?? 0, 6) * 12}px`;
      return h("li", {}, name, h("span", { class: "lane", "aria-hidden": "true" }, bar), h("b", {}, microsText(step.took_us)));
    }),
  );
}
