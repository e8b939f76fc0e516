// Starts the page: logs in, listens, and shows the section that the address names.

import { h, put, nextFrame } from "./dom.js";
import * as server from "./server.js";
import { Store } from "./store.js";
import { liveView } from "./live.js";
import { latencyView } from "./latency.js";
import { botsView } from "./bots.js";
import { troubleView } from "./trouble.js";
import { tradesView } from "./trades.js";

const VIEWS = {
  live: {
    title: "Live",
    make: (store, viewer) =>
      liveView(store, viewer, (event) => {
        store.chosen = event;
        location.hash = "#/latency";
      }),
  },
  latency: { title: "Latency", section: "ways", make: latencyView },
  bots: { title: "Bots", section: "bots", make: botsView },
  trouble: { title: "Trouble", section: "trouble", make: troubleView, news: ["letters", "frames"] },
  trades: { title: "Trades", section: "trades", make: tradesView },
};

const store = new Store();
const main = document.getElementById("main");
const alarm = document.getElementById("alarm");
const pulse = document.getElementById("pulse");
let stopListening = null;
let leave = null;
let viewer = null;

// -- light and dark

function showTheme() {
  const chosen = localStorage.getItem("theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
  const isDark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.getElementById("theme").textContent = isDark ? "Light" : "Dark";
}

document.getElementById("theme").addEventListener("click", (event) => {
  localStorage.setItem("theme", event.target.textContent.toLowerCase());
  showTheme();
});
showTheme();

// -- logging in and out

function showLogin(sentence) {
  stopListening?.();
  leave?.();
  stopListening = leave = viewer = null;
  store.forget();
  document.querySelector(".top").hidden = true;
  put(alarm);
  const input = h("input", { id: "token", type: "password", name: "token", autocomplete: "current-password", required: true, "aria-describedby": "said" });
  const said = h("p", { id: "said", class: "said", role: "alert" }, sentence ?? "");
  const logIn = async (event) => {
    event.preventDefault();
    try {
      begin(await server.logIn(input.value.trim()));
    } catch (error) {
      said.textContent = error.status === 401 ? "That is no token of this console." : error.message;
      input.select();
    }
  };
  put(
    main,
    h(
      "form",
      { class: "login card", onsubmit: logIn },
      h("img", { src: "/icon.svg", alt: "", width: 48, height: 48 }),
      h("h1", {}, "Fillwire console"),
      h("label", { for: "token" }, "Token"),
      input,
      h("button", { type: "submit", class: "strong" }, "Log in"),
      said,
    ),
  );
  input.focus();
}

document.getElementById("logout").addEventListener("click", async () => {
  await server.send("/api/logout").catch(() => null);
  showLogin();
});

function begin(facts) {
  viewer = facts;
  document.querySelector(".top").hidden = false;
  document.getElementById("user").textContent = facts.role === "admin" ? `${facts.user}, all users` : facts.user;
  put(
    document.querySelector(".tabs"),
    Object.entries(VIEWS)
      .filter(([, view]) => !view.section || facts.sections.includes(view.section))
      .map(([name, view]) => h("a", { href: `#/${name}` }, view.title)),
  );
  stopListening = server.listen({
    live(isLive) {
      store.isLive = isLive;
      showPulse();
    },
    state: (state) => store.state(state),
    accounts: (accounts) => store.putAccounts(accounts),
    events: (events) => store.putEvents(events),
    changed: (facts) => facts.what.forEach((what) => store.tell(what)),
    broker(facts) {
      store.isBrokerThere = facts.is_connected;
      store.tell("broker");
    },
    ended: () => showLogin("The session has ended: log in again."),
    closed: listenAgain,
  });
  showView();
}

async function listenAgain() {
  const before = viewer;
  const isStill = () => viewer !== null && viewer === before; // nobody has logged out meanwhile, or somebody else in
  try {
    const facts = await server.me();
    if (!isStill()) return;
    stopListening?.();
    setTimeout(() => isStill() && begin(facts), 2000);
  } catch (error) {
    if (!isStill()) return;
    if (error.status === 401) showLogin("The session has ended: log in again.");
    else setTimeout(() => isStill() && listenAgain(), 2000);
  }
}

// -- what stands above every section

function showPulse() {
  const isWell = store.isLive && store.isBrokerThere;
  pulse.className = `pulse ${isWell ? "good" : "bad"}`;
  pulse.textContent = isWell ? "live" : store.isLive ? "no broker" : "reconnecting";
}

function alarmOf(account) {
  const name = `${account.exchange} ${account.environment}${viewer.role === "admin" ? ` of ${account.user}` : ""}`;
  const event = account.connection;
  const why = account.is_silent ? "no gateway reports it" : [event.state.replaceAll("_", " "), event.reason].filter(Boolean).join(": ");
  const polled = !account.is_silent && event.polling_since_ms !== null ? " Fills come by polling meanwhile." : "";
  return h("li", {}, h("b", {}, name), `: ${why}.${polled}`);
}

let shownAlarm = "";
const showAlarm = nextFrame(() => {
  if (!viewer || !store.hasState) return;
  showPulse();
  const parts = [];
  if (!store.isBrokerThere) {
    parts.push(h("section", { class: "alarm" }, h("h2", {}, "The console does not reach the broker"), h("p", {}, "What is shown is from before.")));
  } else if (store.lost.length) {
    parts.push(h("section", { class: "alarm", id: "lost" }, h("h2", {}, "Live fill detection unavailable"), h("ul", {}, store.lost.map(alarmOf))));
  }
  const said = parts.map((part) => part.textContent).join();
  if (said === shownAlarm && alarm.childElementCount === parts.length) return; // not read out again
  shownAlarm = said;
  put(alarm, parts);
});
store.addEventListener("accounts", showAlarm);
store.addEventListener("broker", showAlarm);

// -- sections

let shownView = "live";

/** Mark the sections in which something has happened since they were looked at. */
function markNews(name, isNew) {
  const link = document.querySelector(`.tabs a[href="#/${name}"]`);
  if (!link || (isNew && name === shownView)) return;
  link.classList.toggle("new", isNew);
  put(link, VIEWS[name].title, isNew ? h("span", { class: "unseen" }, ", something new") : null);
}
for (const [name, { news = [] }] of Object.entries(VIEWS)) {
  for (const what of news) store.addEventListener(what, () => markNews(name, true));
}

function showView() {
  if (!viewer) return;
  leave?.();
  const [, wanted] = location.hash.split("/");
  const name = VIEWS[wanted] && (!VIEWS[wanted].section || viewer.sections.includes(VIEWS[wanted].section)) ? wanted : "live";
  document.title = `${VIEWS[name].title} – Fillwire console`;
  for (const link of document.querySelectorAll(".tabs a")) {
    if (link.hash === `#/${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  shownView = name;
  markNews(name, false);
  const { element, stop } = VIEWS[name].make(store, viewer);
  leave = stop;
  put(main, element);
}

addEventListener("hashchange", () => {
  if (location.hash.startsWith("#/")) {
    showView();
    main.focus({ preventScroll: true });
  }
});

async function start() {
  const token = /^#token=(.+)$/.exec(location.hash)?.[1];
  if (token) {
    history.replaceState(null, "", location.pathname); // out of the address, and of the history
    try {
      begin(await server.logIn(decodeURIComponent(token)));
    } catch {
      showLogin("The link has been used or is no longer valid.");
    }
    return;
  }
  try {
    begin(await server.me());
  } catch (error) {
    showLogin(error.status === 401 ? "" : error.message);
  }
}

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address names the section
  main.focus();
});

start();
