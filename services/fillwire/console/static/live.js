// The first section: connections as cards, and order events as they happen.

import { h, nextFrame, put, row, table } from "./dom.js";
import { spark } from "./charts.js";
import { amountText, dayText, durationText, microsText, recentText, wordText } from "./texts.js";

const SHOWN = 60;
const RATE_WINDOW_MS = 10_000;
const SPARK_S = 60;

/** Return the time of a fill from the exchange to the broker in µs, null where it is not known, or not from where on. */
export function totalOf(event) {
  if (event.stages_us?.exchange === undefined) return null;
  return Object.values(event.stages_us).reduce((sum, taken) => sum + taken, 0);
}

export function percentile(sorted, percent) {
  return sorted.length ? sorted[Math.min(sorted.length - 1, Math.ceil((sorted.length * percent) / 100) - 1)] : null;
}

function stateOf(account) {
  if (account.is_silent) return account.bots ? ["no gateway", "bad"] : ["gone", "idle"];
  const { state } = account.connection;
  if (state === "receiving") return account.connection.missing_since_ms === null ? ["receiving", "good"] : ["catching up", "warn"];
  if (!account.bots) return [wordText(state), "idle"];
  return [wordText(state), state === "auth_failed" || state === "disconnected" ? "bad" : "warn"];
}

function card(account, store, isAdmin) {
  const [known, knownLook] = stateOf(account);
  const [word, look] = store.isCurrent ? [known, knownLook] : [`last known: ${known}`, "idle"];
  const event = account.connection;
  const trouble = account.is_silent ? null : event.key_trouble; // of a gateway that is gone nobody knows
  const facts = [];
  const add = (name, value) => value !== null && facts.push(h("div", {}, h("dt", {}, name), h("dd", {}, value)));
  if (event && !account.is_silent) {
    add("Up for", event.since_ms === null ? "–" : durationText(store.knownMs - event.since_ms));
    add("Bots", `${account.bots} on ${event.pairs} ${event.pairs === 1 ? "pair" : "pairs"}`);
    add("Last event", event.last_event_ms === null ? "–" : `${durationText(store.knownMs - event.last_event_ms)} ago`);
    add("Clock", event.clock_offset_us === null ? "–" : `${event.clock_offset_us < 0 ? "−" : "+"}${microsText(Math.abs(event.clock_offset_us))}`);
    if (event.attempt) add("Attempt", String(event.attempt));
    if (event.breaker !== "closed") add("Breaker", wordText(event.breaker));
    if (event.polling_since_ms !== null) add("Polled for", durationText(store.knownMs - event.polling_since_ms));
    if (event.waiting) add("Waiting", event.waiting.toLocaleString());
    if (event.on_disk) add("On disk", event.on_disk.toLocaleString());
    add("Gateway", event.is_standing_in ? `${event.gateway}, stands in` : event.gateway);
  } else {
    add("Bots", String(account.bots));
  }
  return h(
    "article",
    { class: `card connection ${trouble !== null && look === "good" ? "warn" : look}`, "aria-label": `${account.exchange} ${account.environment}` },
    h("h3", {}, account.exchange, h("small", {}, account.environment, isAdmin ? ` · ${account.user}` : "")),
    h("p", { class: `state ${look}` }, word),
    h("dl", {}, facts),
    event?.reason && !event.is_receiving ? h("p", { class: "reason" }, event.reason) : null,
    trouble !== null ? h("p", { class: "reason problem" }, h("span", { class: "badge" }, "key not in use"), " ", trouble) : null,
  );
}

function rowOf(event, nowMs, isAdmin, choose) {
  const fill = event.fill;
  const time = recentText(event.time_ms, nowMs);
  const total = totalOf(event);
  return row(
    COLUMNS,
    { class: fill ? "fill" : "step" },
    h("td", { class: "time" }, fill && choose ? h("button", { type: "button", class: "link", "aria-label": `Way of trade ${fill.trade_id}, ${time}`, onclick: () => choose(event) }, time) : time),
    h("td", { class: "pair" }, event.pair),
    h("td", { class: `side ${event.side}` }, event.side),
    h("td", { class: "number quantity" }, amountText(fill ? fill.quantity : event.quantity)),
    h("td", { class: "number price" }, amountText(fill ? fill.price : event.price)),
    h("td", { class: "kind" }, wordText(event.kind), event.reason ? h("span", { class: "reason" }, ` ${event.reason}`) : null),
    h("td", { class: "number fee" }, fill && fill.fee !== null ? `${amountText(fill.fee)} ${fill.fee_currency ?? ""}` : "–"),
    h("td", { class: "account" }, `${event.exchange} ${event.environment}`, isAdmin ? ` · ${event.user}` : ""),
    h("td", { class: "number latency" }, total === null ? (event.source === "stream" ? "–" : event.source) : microsText(total)),
  );
}

const COLUMNS = ["Time", "Pair", "Side", "Quantity", "Price", "What", "Fee", "Account", "Latency"];
const NUMBERS = new Set(["Quantity", "Price", "Fee", "Latency"]);

function tile(name) {
  const value = h("b", {}, "–");
  const note = h("small", {});
  const drawing = h("div", { class: "drawing", "aria-hidden": "true" });
  return { element: h("div", { class: "tile" }, h("span", {}, name), value, note, drawing), value, note, drawing };
}

export function liveView(store, viewer, choose = null) {
  const isAdmin = viewer.role === "admin";
  if (!viewer.sections.includes("ways")) choose = null;
  const cards = h("div", { class: "cards" });
  const body = h("tbody", { role: "rowgroup" });
  const empty = h("p", { class: "empty" });
  const tiles = { receiving: tile("Receiving"), rate: tile("Fills per second"), median: tile("Latency, median"), worst: tile("Latency, 99 %") };
  const missed = h("p", { class: "note", role: "status" });
  let isPaused = false;
  let withSteps = false;
  let waiting = [];
  let drawnDay = "";
  const arrivals = [];

  const drawCards = nextFrame(() => {
    const accounts = [...store.accounts.values()];
    put(cards, accounts.length ? accounts.map((account) => card(account, store, isAdmin)) : h("p", { class: "empty" }, store.hasState ? "No connection: a gateway opens one when a bot listens." : store.waitingText));
    const wanted = accounts.filter((account) => account.bots > 0);
    tiles.receiving.value.textContent = store.isCurrent ? `${wanted.length - store.lost.length} of ${wanted.length}` : "–";
    tiles.receiving.element.classList.toggle("bad", store.lost.length > 0);
    const bots = wanted.reduce((sum, account) => sum + account.bots, 0);
    tiles.receiving.note.textContent = !store.hasState ? "" : `accounts to which ${bots.toLocaleString()} ${bots === 1 ? "bot listens" : "bots listen"}`;
  });

  const isShown = (event) => withSteps || event.fill;
  const drawAll = () => {
    const events = store.events.filter(isShown).slice(-SHOWN).reverse();
    put(body, events.map((event) => rowOf(event, store.now(), isAdmin, choose)));
    drawnDay = dayText(store.now());
    waiting = [];
    drawEmpty();
  };
  const drawEmpty = () => {
    empty.hidden = body.childElementCount > 0;
    empty.textContent = store.hasState ? "No order events yet." : store.waitingText;
  };
  const drawAdded = nextFrame(() => {
    if (isPaused) return;
    const events = waiting.filter(isShown).slice(-SHOWN).reverse();
    waiting = [];
    if (!events.length) return;
    body.prepend(...events.map((event) => rowOf(event, store.now(), isAdmin, choose)));
    while (body.childElementCount > SHOWN) body.lastElementChild.remove();
    drawEmpty();
  });

  const drawTiles = () => {
    const now = performance.now();
    while (arrivals.length && arrivals[0][0] < now - SPARK_S * 1000) arrivals.shift();
    const count = arrivals.reduce((sum, [at, fills]) => sum + (at < now - RATE_WINDOW_MS ? 0 : fills), 0);
    const seconds = new Array(SPARK_S).fill(0);
    for (const [at, fills] of arrivals) seconds[Math.min(SPARK_S - 1, Math.max(0, SPARK_S - 1 - Math.floor((now - at) / 1000)))] += fills;
    put(tiles.rate.drawing, spark(seconds));
    tiles.rate.value.textContent = !store.isCurrent ? "–" : (count / (RATE_WINDOW_MS / 1000)).toFixed(count < 100 ? 1 : 0);
    tiles.rate.note.textContent = `${store.eventCount.toLocaleString()} events since you came`;
    const totals = store.events.filter((event) => event.source === "stream").slice(-1000).map(totalOf).filter((total) => total !== null).sort((a, b) => a - b);
    for (const [of, percent] of [[tiles.median, 50], [tiles.worst, 99]]) {
      const value = percentile(totals, percent);
      of.value.textContent = value === null ? "–" : microsText(value);
      of.note.textContent = `to the broker, last ${totals.length.toLocaleString()}`;
    }
    missed.textContent = store.missed ? `${store.missed.toLocaleString()} events came faster than this page took them and are not shown.` : "";
  };

  const onEvents = ({ detail }) => {
    if (detail.isFresh) {
      if (!isPaused) drawAll();
      drawTiles();
      return;
    }
    arrivals.push([performance.now(), detail.added.filter((event) => event.fill).length]);
    waiting = waiting.concat(detail.added).slice(-SHOWN * 4);
    drawAdded();
  };
  const onReach = () => {
    drawCards();
    drawTiles();
    drawEmpty();
  };
  store.addEventListener("accounts", drawCards);
  store.addEventListener("reach", onReach);
  store.addEventListener("events", onEvents);
  const ticking = setInterval(() => {
    drawTiles();
    drawCards();
    if (!isPaused && drawnDay !== dayText(store.now())) drawAll(); // rows of yesterday say so
  }, 1000);

  const pause = h("button", { type: "button", "aria-pressed": "false" }, "Pause");
  pause.addEventListener("click", () => {
    isPaused = !isPaused;
    pause.setAttribute("aria-pressed", String(isPaused));
    pause.textContent = isPaused ? "Go on" : "Pause";
    if (!isPaused) drawAll();
  });
  const steps = h("input", { type: "checkbox" });
  steps.addEventListener("change", () => {
    withSteps = steps.checked;
    drawAll();
  });

  const element = h(
    "div",
    { class: "view" },
    h("h1", { class: "unseen" }, "Live"),
    h("div", { class: "tiles" }, Object.values(tiles).map((of) => of.element)),
    h("section", { "aria-labelledby": "connections" }, h("h2", { id: "connections" }, "Connections"), cards),
    h(
      "section",
      {},
      h("div", { class: "head" }, h("h2", { id: "fills" }, "Fills"), h("label", { class: "check" }, steps, "all order events"), pause),
      missed,
      h(
        "div",
        { class: "scroll card", tabindex: 0, role: "region", "aria-labelledby": "fills" },
        table("fills", "Latest fills, newest first", COLUMNS, (name) => NUMBERS.has(name), body),
        empty,
      ),
    ),
  );
  drawCards();
  drawAll();
  drawTiles();
  return {
    element,
    stop() {
      clearInterval(ticking);
      store.removeEventListener("accounts", drawCards);
      store.removeEventListener("reach", onReach);
      store.removeEventListener("events", onEvents);
    },
  };
}
