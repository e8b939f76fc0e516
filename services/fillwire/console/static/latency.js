// Where the time of fills goes: the distribution, each stage by exchange, and the way of one fill.

import { ask } from "./server.js";
import { h, put, nextFrame } from "./dom.js";
import { chart, histogram, nothing, waterfall } from "./charts.js";
import { grouped } from "./store.js";
import { amountText, microsText, momentText, recentText, wordText } from "./texts.js";
import { percentile, totalOf } from "./live.js";

const WINDOW = 1000;
const STAGES = [
  ["exchange", "Exchange to gateway"],
  ["parse", "Parsed"],
  ["publish", "To the broker"],
  ["broker", "Stored or seen"],
];
const CHOICES = 12;

const STEPS_SHOWN = 60;

/** Say what is known of the way behind the broker. */
function callsText({ hosts, calls, left_out: leftOut, steps }) {
  const unseen = leftOut + Math.max(0, steps.length - STEPS_SHOWN);
  if (!hosts) return "No host of this user's bots answers: the way ends at the broker.";
  if (!calls) return "No bot was told of it, or its host has forgotten it: hosts remember their newest 32,768 calls.";
  return unseen ? `${unseen.toLocaleString()} more steps are not shown.` : "";
}

const stagesOf = (event) => {
  let start = 0;
  return STAGES.filter(([key]) => event.stages_us?.[key] !== undefined).map(([key, name]) => {
    const step = { name, start_us: start, took_us: event.stages_us[key] };
    start += step.took_us;
    return step;
  });
};

export function latencyView(store, viewer) {
  let wanted = "total";
  const timed = () => store.events.filter((event) => event.source === "stream" && event.stages_us).slice(-WINDOW);
  const valueOf = (event) => (wanted === "total" ? totalOf(event) : event.stages_us[wanted]);
  const sortedOf = (events, value) => events.map(value).filter((taken) => taken !== undefined && taken !== null).sort((a, b) => a - b);

  const shape = chart("Distribution of latency", 200, (width) => {
    if (!store.hasState) return nothing(width, 200, store.waitingText);
    const values = sortedOf(timed(), valueOf);
    const marks = values.length ? [["50 %", percentile(values, 50)], ["99 %", percentile(values, 99)]] : [];
    return histogram(values, width, 200, marks);
  });
  const stages = h("tbody", {});
  const drawStages = () => {
    const rows = [];
    for (const [exchange, events] of [...grouped(timed(), (event) => event.exchange)].sort()) {
      for (const [key, name] of [...STAGES, ["total", "Together"]]) {
        const values = sortedOf(events, (event) => (key === "total" ? totalOf(event) : event.stages_us[key]));
        if (!values.length) continue;
        rows.push(
          h(
            "tr",
            { class: key === "total" ? "sum" : null },
            h("th", { scope: "row" }, exchange),
            h("td", {}, name),
            [50, 90, 99, 100].map((percent) => h("td", { class: "number" }, microsText(percentile(values, percent)))),
            h("td", { class: "number" }, values.length.toLocaleString()),
          ),
        );
      }
    }
    put(stages, rows.length ? rows : h("tr", {}, h("td", { colspan: 7, class: "empty" }, store.hasState ? "No fills with times yet." : store.waitingText)));
  };

  const way = h("div", { class: "card padded", id: "way" });
  const choices = h("div", { class: "choices", role: "group", "aria-label": "Latest fills" });
  let latestAsked = 0;

  async function choose(event) {
    store.chosen = event;
    for (const button of choices.children) button.setAttribute("aria-pressed", String(button.dataset.id === event.id));
    const fill = event.fill;
    const head = [
      h("h3", {}, `${wordText(event.side)} ${amountText(fill.quantity)} ${event.pair} at ${amountText(fill.price)}`),
      h("p", { class: "note" }, `${momentText(event.time_ms)} · trade ${fill.trade_id} · order ${event.order_id} · ${event.exchange} ${event.environment}${viewer.role === "admin" ? ` · ${event.user}` : ""}`),
    ];
    const known = stagesOf(event);
    const draw = (steps, note) => {
      const took = Math.max(0, ...steps.map((step) => step.start_us + step.took_us));
      const whole = h("p", { class: "big" }, microsText(took), h("small", {}, ` from the exchange to the end of ${(steps.reduce((last, step) => (step.start_us + step.took_us >= last.start_us + last.took_us ? step : last), steps[0])?.name ?? "it").toLowerCase()}`));
      put(way, head, steps.length ? [whole, waterfall(steps)] : h("p", { class: "empty" }, "This fill brings no times."), h("p", { class: "note" }, note));
    };
    draw(known, "Asking the log …");
    const asked = (latestAsked += 1);
    try {
      const found = await ask(`/api/way?${new URLSearchParams({ id: event.id, pair: event.pair, time_ms: event.time_ms })}`);
      if (asked === latestAsked) draw(found.steps.slice(0, STEPS_SHOWN), `Trace ${found.trace_id}, number ${found.sequence} of the log. ${callsText(found)}`);
    } catch (error) {
      if (asked === latestAsked) draw(known, error.message);
    }
  }

  const drawChoices = () => {
    const latest = store.events.filter((event) => event.fill).slice(-CHOICES).reverse();
    put(
      choices,
      latest.map((event) => h("button", { type: "button", "data-id": event.id, "aria-pressed": String(event.id === store.chosen?.id), onclick: () => choose(event) }, `${recentText(event.time_ms, store.now())} ${event.pair}`)),
    );
  };

  const draw = nextFrame(() => {
    shape.redraw();
    drawStages();
  });
  const select = h("select", { id: "stage" }, [["total", "Exchange to broker"], ...STAGES].map(([key, name]) => h("option", { value: key }, name)));
  select.addEventListener("change", () => {
    wanted = select.value;
    draw();
  });
  const ticking = setInterval(draw, 1000);
  const onEvents = ({ detail }) => detail.isFresh && (draw(), drawChoices());
  store.addEventListener("events", onEvents);

  const element = h(
    "div",
    { class: "view" },
    h("h1", { class: "unseen" }, "Latency"),
    h(
      "section",
      { "aria-labelledby": "shape" },
      h("div", { class: "head" }, h("h2", { id: "shape" }, "Latency of the last 1,000 fills"), h("label", { class: "check", for: "stage" }, "Stage"), h("div", { class: "narrow" }, select)),
      h("div", { class: "card padded" }, shape.element),
    ),
    h(
      "section",
      { "aria-labelledby": "ways" },
      h("div", { class: "head" }, h("h2", { id: "ways" }, "The way of one fill"), h("button", { type: "button", onclick: drawChoices }, "Latest fills")),
      choices,
      way,
    ),
    h(
      "section",
      {},
      h("h2", { id: "stages" }, "Stages"),
      h(
        "div",
        { class: "scroll card", tabindex: 0, role: "region", "aria-labelledby": "stages" },
        h("table", {}, h("caption", { class: "unseen" }, "Percentiles of each stage by exchange"), h("thead", {}, h("tr", {}, ["Exchange", "Stage", "50 %", "90 %", "99 %", "Longest", "Fills"].map((name, index) => h("th", { scope: "col", class: index > 1 ? "number" : null }, name)))), stages),
      ),
    ),
  );
  draw();
  drawChoices();
  const first = store.chosen ?? store.events.filter((event) => event.fill).at(-1);
  if (first) choose(first);
  else put(way, h("p", { class: "empty" }, "Choose a fill."));
  return {
    element,
    stop() {
      clearInterval(ticking);
      shape.stop();
      store.removeEventListener("events", onEvents);
    },
  };
}
