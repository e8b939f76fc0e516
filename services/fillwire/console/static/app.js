// Starts the page: logs in, listens, and shows the section that the address names.

import { h, put, nextFrame } from "./dom.js";
import * as server from "./server.js";
import { Store } from "./store.js";
import { liveView } from "./live.js";
import { latencyView } from "./latency.js";
import { botsView } from "./bots.js";
import { troubleView } from "./trouble.js";
import { tradesView } from "./trades.js";
import { whenText } from "./texts.js";

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

/** Show and know nothing any more. */
function end() {
  stopListening?.();
  leave?.();
  stopListening = leave = viewer = null;
  stillIn = "";
  store.forget();
  put(alarm);
  put(main);
  main.classList.remove("stale");
}

function showLogin(sentence) {
  end();
  document.querySelector(".top").hidden = true;
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

let stillIn = ""; // why a logout failed

document.getElementById("logout").addEventListener("click", async () => {
  const before = viewer;
  try {
    await server.logOut();
  } catch (error) {
    if (viewer !== before) return; // somebody else has logged in, and the page is theirs by now
    if (error.status !== 401) {
      stillIn = error.message;
      showAlarm();
      return;
    }
  }
  showLogin();
});

server.whenOther(() => {
  end();
  start();
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
    heard: () => store.heard(),
    lost(error) {
      if (error.status === 401) showLogin("The session has ended: log in again.");
      else store.lose(error);
    },
    state(state) {
      if (server.isSame(state.viewer, viewer)) {
        store.state(state);
        return;
      }
      end(); // somebody else has logged in by another tab
      start();
    },
    accounts: (accounts) => store.putAccounts(accounts),
    events: (events) => store.putEvents(events),
    changed: (facts) => facts.what.forEach((what) => store.tell(what)),
    broker: (facts) => store.broker(facts.is_connected),
    ended: () => showLogin("The session has ended: log in again."),
  });
  showPulse();
  showView();
}

// -- what stands above every section

function showPulse() {
  const isConnecting = !store.isLive && !store.why;
  pulse.className = `pulse ${store.isCurrent ? "good" : isConnecting ? "" : "bad"}`;
  pulse.textContent = store.isCurrent ? "live" : store.isLive ? "no broker" : isConnecting ? "connecting" : "reconnecting";
}

function alarmOf(account) {
  const name = `${account.exchange} ${account.environment}${viewer.role === "admin" ? ` of ${account.user}` : ""}`;
  const event = account.connection;
  const why = account.is_silent ? "no gateway reports it" : [event.state.replaceAll("_", " "), event.reason].filter(Boolean).join(": ");
  const polled = !account.is_silent && event.polling_since_ms !== null ? " Fills come by polling meanwhile." : "";
  return h("li", {}, h("b", {}, name), `: ${why}.${polled}`);
}

let shownAlarm = "";
const banner = (id, title, ...content) => h("section", { class: "alarm", id }, h("h2", {}, title), content);

const showAlarm = nextFrame(() => {
  if (!viewer) return;
  showPulse();
  main.classList.toggle("stale", store.hasState && !store.isCurrent);
  const parts = [];
  if (stillIn) parts.push(banner("still-in", "You are still logged in", h("p", {}, `Logging out failed: ${stillIn}.`)));
  if (!store.isLive && store.why) {
    const since = store.hasState ? `What is shown is from ${whenText(store.staleMs, store.now())}.` : "Nothing is known yet.";
    const title = store.isRefused ? "The console cannot tell this page anything" : "This page does not reach the console";
    parts.push(banner("unreached", title, h("p", {}, `${since} It tries again by itself: ${store.why}.`)));
  }
  if (!store.isBrokerThere) {
    parts.push(banner(null, "The console does not reach the broker", h("p", {}, "What is shown is from before.")));
  } else if (store.lost.length) {
    parts.push(banner("lost", "Live fill detection unavailable", h("ul", {}, store.lost.map(alarmOf))));
  }
  const said = parts.map((part) => part.textContent).join();
  if (said === shownAlarm && alarm.childElementCount === parts.length) return; // not read out again
  shownAlarm = said;
  put(alarm, parts);
});
store.addEventListener("accounts", showAlarm);
store.addEventListener("reach", showAlarm);

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

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address names the section
  main.focus();
});

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

start();
