// Recorded trades and what they add up to.

import { ask } from "./server.js";
import { h, row, table } from "./dom.js";
import { chart, line } from "./charts.js";
import { loaded } from "./loading.js";
import { grouped } from "./store.js";
import { amountText, momentText } from "./texts.js";

const HEIGHT = 250;
const AGAIN_MS = 5000;

const signed = (text) => h("span", { class: text.startsWith("-") ? "loss" : "gain" }, amountText(text));

const isZero = (text) => !/[1-9]/.test(text ?? "");
const otherFees = (of) => Object.entries(of.other_fees).filter(([, amount]) => !isZero(amount));
const number = (name, cell) => ({ name, cell, isNumber: true });

/** Columns of the table of profit; those with a `when` stand there only where it is so of a row. */
const PROFIT = [
  { name: "User", cell: (of) => of.user || "–", when: (of) => of.user },
  { name: "Bot", cell: (of) => of.bot || "by hand", isHead: true },
  { name: "Pair", cell: (of) => of.pair },
  { name: "Environment", cell: (of) => of.environment },
  number("Trades", (of) => of.trades.toLocaleString()),
  number("Fees", (of) => amountText(of.fees)),
  { ...number("Other fees", (of) => otherFees(of).map(([currency, amount]) => `${amountText(amount)} ${currency || "?"}`).join(", ") || "–"), when: (of) => otherFees(of).length > 0 },
  number("Fees unknown", (of) => (of.unknown_fees ? of.unknown_fees.toLocaleString() : "–")),
  { ...number("Sold, not bought", (of) => (isZero(of.unmatched_value) ? "–" : amountText(of.unmatched_value))), when: (of) => !isZero(of.unmatched_value) },
  number("Profit", (of) => signed(of.net_profit)),
  { name: "Currency", cell: (of) => of.currency },
];

function profitTable(bots) {
  const columns = PROFIT.filter(({ when }) => !when || bots.some(when));
  const names = columns.map(({ name }) => name);
  const cellOf = (of, { cell, isHead, isNumber }) => h(isHead ? "th" : "td", { scope: isHead ? "row" : null, class: isNumber ? "number" : null }, cell(of));
  return table(
    "stacked",
    "Realised profit by bot and pair",
    names,
    (name) => columns[names.indexOf(name)].isNumber,
    bots.map((of) => row(names, {}, columns.map((column) => cellOf(of, column)))),
  );
}

export function tradesView(store, viewer) {
  const isAdmin = viewer.role === "admin";
  let charts = [];

  const profit = loaded(
    () => ask("/api/profit"),
    ({ days, bots }) => {
      for (const { stop } of charts) stop();
      charts = [];
      const series = grouped(days, (day) => `${day.currency || "unknown currency"}, ${day.environment}`);
      if (!series.size) return h("p", { class: "empty" }, "No trades are recorded yet.");
      const cards = [...series].map(([key, of]) => {
        // Positions of points only: what is read is the server's exact text.
        const points = of.map((day) => [day.day, Number(day.cumulative), amountText(day.cumulative), Number(day.net_profit), amountText(day.net_profit)]);
        const drawn = chart(`Realised profit in ${key}`, HEIGHT, (width) => line(points, width, HEIGHT));
        charts.push(drawn);
        requestAnimationFrame(drawn.redraw);
        return h("article", { class: "card padded" }, h("h3", {}, key, h("small", {}, " realised, after fees in this currency")), h("p", { class: "big" }, signed(of.at(-1).cumulative)), drawn.element);
      });
      return [
        h("div", { class: "wide-cards" }, cards),
        h(
          "div",
          { class: "scroll card", tabindex: 0, role: "region", "aria-labelledby": "profit" },
          profitTable(bots),
        ),
      ];
    },
  );
  const names = ["Time", ...(isAdmin ? ["User"] : []), "Account", "Bot", "Pair", "Side", "Quantity", "Price", "Value", "Fee"];
  const trades = loaded(
    () => ask("/api/trades?limit=100"),
    ({ trades: found }) =>
      found.length
        ? h(
            "div",
            { class: "scroll card", tabindex: 0, role: "region", "aria-labelledby": "trades" },
            table(
              "stacked",
              "Recorded trades, newest first",
              names,
              (name) => ["Quantity", "Price", "Value", "Fee"].includes(name),
              found.map((trade) =>
                row(names, {}, h("td", {}, momentText(trade.time_ms)), isAdmin ? h("td", {}, trade.user) : null, h("td", { class: "account" }, `${trade.exchange} ${trade.environment}`), h("td", {}, trade.bot || "–"), h("td", { class: "pair" }, trade.pair), h("td", { class: `side ${trade.side}` }, trade.side), h("td", { class: "number" }, amountText(trade.quantity)), h("td", { class: "number" }, amountText(trade.price)), h("td", { class: "number" }, amountText(trade.value)), h("td", { class: "number" }, trade.fee === null ? "–" : `${amountText(trade.fee)} ${trade.fee_currency ?? ""}`)),
              ),
            ),
          )
        : h("p", { class: "empty" }, "No trades are recorded yet."),
  );
  let isDue = false;
  const onEvents = ({ detail }) => (isDue ||= detail.added.some((event) => event.fill));
  const onAnew = () => (isDue = true);
  store.addEventListener("events", onEvents);
  store.addEventListener("anew", onAnew);
  const ticking = setInterval(() => {
    if (!isDue || document.hidden) return; // the stream says when there is something new; profit reads everything
    isDue = false;
    profit.load();
    trades.load();
  }, AGAIN_MS);
  return {
    element: h(
      "div",
      { class: "view" },
      h("h1", { class: "unseen" }, "Trades"),
      h("section", {}, h("h2", { id: "profit" }, "Profit"), profit.element),
      h("section", {}, h("h2", { id: "trades" }, "Trades"), trades.element),
    ),
    stop() {
      clearInterval(ticking);
      profit.stop();
      trades.stop();
      for (const { stop } of charts) stop();
      store.removeEventListener("events", onEvents);
      store.removeEventListener("anew", onAnew);
    },
  };
}
