// What was set aside: dead letters and refused frames, to look at, replay and discard.

import { ask, send } from "./server.js";
import { h, put, row, table } from "./dom.js";
import { action, confirmed, loaded, outcomes } from "./loading.js";
import { momentText, wordText } from "./texts.js";

function list(kind, what, columns, isAdmin) {
  const results = outcomes();
  const opened = new Map(); // texts of what is shown whole, which stay when the list is drawn anew
  const places = new Map(); // where each is shown now
  const path = `/api/${kind}`;
  const shown = columns.filter(([name]) => isAdmin || name !== "User");
  const names = [...shown.map(([name]) => name), "Decide"];
  const part = loaded(
    () => ask(path),
    ({ count, shown: items }) => {
      forget(new Set(items.map(keyOf)));
      return [
        h("p", { class: "note" }, count ? `${count.toLocaleString()} waiting for a decision${items.length < count ? `, the newest ${items.length} shown` : ""}.` : `No ${what} waits for a decision.`),
        items.length
          ? h(
              "div",
              { class: "scroll card", tabindex: 0, role: "region", "aria-labelledby": kind },
              table("stacked", `${what}s that wait for a decision`, names, () => false, items.map(rowOf)),
            )
          : null,
      ];
    },
  );

  function keyOf(item) {
    return `${kind}/${item.number}`;
  }

  function forget(listed) {
    for (const kept of [opened, places]) for (const key of kept.keys()) if (!listed.has(key)) kept.delete(key);
  }

  function rowOf(item) {
    const key = keyOf(item);
    const say = (text) => results.say(key, text);
    const decide = (verb, name, look) =>
      action(name, `${key}/${verb}`, say, async () => {
        const question = verb === "replay" ? `Replay ${what} ${item.number}?${kind === "letters" ? ` Bot ${item.bot} acts on it: it may trade.` : ""}` : `Discard ${what} ${item.number}? It is not given back; it stays readable.`;
        const reason = await confirmed(question, name, verb === "discard" ? "Why (for the record)" : null);
        if (reason === null) return "";
        const { outcome, reason: told } = await send(`${path}/${item.number}/${verb}`, reason ? { reason } : {});
        part.load();
        return `${item.number}: ${wordText(outcome)}, ${told}`;
      }, look);
    const whole = h("pre", { hidden: !opened.has(key), tabindex: 0 }, opened.get(key));
    const look = h("button", { type: "button", class: "link", "data-focus": `${key}/look`, "aria-expanded": String(opened.has(key)), "aria-label": `Show ${what} ${item.number} whole` }, String(item.number));
    places.set(key, whole);
    look.addEventListener("click", async () => {
      whole.hidden = opened.delete(key);
      look.setAttribute("aria-expanded", String(!whole.hidden));
      if (whole.hidden) return;
      opened.set(key, "");
      let text;
      try {
        const found = await ask(`${path}/${item.number}`);
        const body = found.event ?? found.frame;
        text = typeof body === "string" ? body : JSON.stringify(body, null, 2);
      } catch (error) {
        text = error.message;
      }
      if (!opened.has(key)) return;
      opened.set(key, text);
      put(places.get(key), text); // the list may have been drawn anew meanwhile
    });
    return row(
      names,
      {},
      shown.map(([name, value]) => h("td", { class: name === "What went wrong" ? "wide" : null }, name === "Number" ? look : value(item), name === "What went wrong" ? whole : null)),
      h("td", {}, h("div", { class: "actions" }, decide("replay", "Replay"), decide("discard", "Discard", "danger")), results.place(key)),
    );
  }
  return { ...part, said: results.element };
}

export function troubleView(store, viewer) {
  const isAdmin = viewer.role === "admin";
  const letters = list(
    "letters",
    "dead letter",
    [
      ["Number", (item) => item.number],
      ["Kept", (item) => momentText(item.time_ms)],
      ["User", (item) => item.user],
      ["Bot", (item) => item.bot],
      ["Event", (item) => [item.pair, item.kind ? h("small", {}, ` ${wordText(item.kind)}`) : null]],
      ["What went wrong", (item) => `${item.reason}${item.callback ? ` (${item.callback}, ${item.attempts} ${item.attempts === 1 ? "try" : "tries"})` : ""}`],
    ],
    isAdmin,
  );
  const frames = list(
    "frames",
    "refused frame",
    [
      ["Number", (item) => item.number],
      ["Received", (item) => momentText(item.time_ms)],
      ["User", (item) => item.user],
      ["Account", (item) => `${item.exchange} ${item.environment}`],
      ["Defect", (item) => wordText(item.code)],
      ["What went wrong", (item) => item.reason],
    ],
    isAdmin,
  );
  const parts = [["letters", letters], ["frames", frames]];
  for (const [name, part] of parts) {
    store.addEventListener(name, part.soon);
    store.addEventListener("anew", part.soon);
  }
  return {
    element: h(
      "div",
      { class: "view" },
      h("h1", { class: "unseen" }, "Trouble"),
      h("section", {}, h("h2", { id: "letters" }, "Dead letters"), h("p", { class: "note" }, "Events that a bot's callback could not handle."), letters.said, letters.element),
      h("section", {}, h("h2", { id: "frames" }, "Quarantine"), h("p", { class: "note" }, "Messages of an exchange that a gateway could not accept."), frames.said, frames.element),
    ),
    stop() {
      for (const [name, part] of parts) {
        part.stop();
        store.removeEventListener(name, part.soon);
        store.removeEventListener("anew", part.soon);
      }
    },
  };
}
