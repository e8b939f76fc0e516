// Bots: what each does, how far it is behind, and to start, pause and stop it.

import { ask, send } from "./server.js";
import { h } from "./dom.js";
import { action, confirmed, loaded, outcomes } from "./loading.js";
import { durationText, wordText } from "./texts.js";

const VERBS = {
  running: [["pause", "Pause"], ["stop", "Stop"]],
  paused: [["resume", "Resume"], ["stop", "Stop"]],
  stopped: [["start", "Start"]],
};
const LOOKS = { running: "good", starting: "warn", stopping: "warn", paused: "idle", stopped: "idle", failed: "bad" };

function lagText(bot) {
  if (bot.waiting_count === null) return "–";
  return bot.waiting_count ? `${bot.waiting_count.toLocaleString()} events` : "none";
}

function card(bot, store, isAdmin, results, reload) {
  const state = stateOf(bot);
  const look = lookOf(bot);
  const path = `/api/bots/${encodeURIComponent(bot.user)}/${encodeURIComponent(bot.bot)}`;
  const key = `${bot.user}/${bot.bot}`;
  const say = (text) => results.say(key, text);
  // By place and not by verb: who has paused a bot has the button that resumes it under the finger.
  const turn = ([verb, name], index) =>
    action(name, `${key}/${index}`, say, async () => {
      if (verb === "stop" && (await confirmed(`Stop ${bot.bot}? It goes on where it stopped when it is started; its orders stay open.`, "Stop")) === null) return "";
      await send(`${path}/${verb}`, { revision: bot.revision });
      reload();
      return `${bot.bot}: ${name.toLowerCase()} was done.`;
    }, verb === "stop" ? "danger" : null);
  const fact = (name, value, className = null) => h("div", {}, h("dt", {}, name), h("dd", { class: className }, value));
  return h(
    "article",
    { class: `card connection ${look}`, "aria-label": bot.bot },
    h("h3", {}, bot.bot, h("small", {}, `${bot.exchange} ${bot.environment}${isAdmin ? ` · ${bot.user}` : ""}`)),
    h("p", { class: `state ${look}` }, wordText(state)),
    h(
      "dl",
      {},
      fact("Lag", lagText(bot), bot.waiting_count > LAGS ? "problem" : null),
      fact("Since", bot.since_ms === null ? "–" : `${durationText(store.knownMs - bot.since_ms)}`),
      fact("Strategy", bot.strategy),
      fact("Pairs", bot.pairs.length ? bot.pairs.join(", ") : bot.is_managed ? "as the strategy says" : "all"),
      bot.host ? fact("Host", bot.host) : null,
      bot.restart_count ? fact("Restarts", String(bot.restart_count)) : null,
    ),
    bot.error ? h("p", { class: "reason problem" }, bot.error) : null,
    results.place(key),
    bot.is_managed
      ? h("div", { class: "actions" }, VERBS[bot.desired].map(turn))
      : h("p", { class: "reason" }, h("span", { class: "badge" }, "not managed"), " runs in a process of its own, as by fillwire run, which starts and stops it."),
  );
}

const stateOf = (bot) => bot.state ?? (bot.desired === "stopped" ? "stopped" : "no host");
const lookOf = (bot) => LOOKS[stateOf(bot)] ?? "bad";
const LAGS = 100; // events; more stand out
/** Put what wants a look first: bots in trouble, then those that lag; the rest stays by name, so that no card jumps when it is turned. */
const rankOf = (bot) => (lookOf(bot) === "bad" ? 0 : bot.waiting_count > LAGS ? 1 : 2);
const ranked = (bots) => [...bots].sort((a, b) => rankOf(a) - rankOf(b));

function summary(bots) {
  const count = (look) => bots.filter((bot) => lookOf(bot) === look).length;
  const most = Math.max(0, ...bots.map((bot) => bot.waiting_count ?? 0));
  const tile = (name, value, isBad = false) => h("div", { class: isBad ? "tile bad" : "tile" }, h("span", {}, name), h("b", {}, value));
  return h("div", { class: "tiles" }, tile("Running", `${count("good")} of ${bots.length}`), tile("Paused or stopped", String(count("idle"))), tile("In trouble", String(count("bad")), count("bad") > 0), tile("Largest lag", most ? `${most.toLocaleString()} events` : "none", most > LAGS));
}

export function botsView(store, viewer) {
  const results = outcomes();
  const part = loaded(
    () => ask("/api/bots"),
    ({ bots, without_manager: without }) =>
      bots.length
        ? [
            without ? h("p", { class: "note" }, `Managed bots are not shown: ${without}.`) : null,
            summary(bots),
            h("div", { class: "cards" }, ranked(bots).map((bot) => card(bot, store, viewer.role === "admin", results, () => part.load()))),
          ]
        : h("p", { class: "empty" }, "No bots: fillwire bots create makes one, and fillwire run runs one by itself."),
  );
  store.addEventListener("bots", part.soon);
  store.addEventListener("anew", part.soon);
  return {
    element: h("div", { class: "view" }, h("section", {}, h("h1", {}, "Bots"), results.element, part.element)),
    stop() {
      part.stop();
      store.removeEventListener("bots", part.soon);
      store.removeEventListener("anew", part.soon);
    },
  };
}
