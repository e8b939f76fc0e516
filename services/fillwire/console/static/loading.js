// A part of the page that is asked for: when it is shown, and again when the stream says that it has changed.

import { h, put } from "./dom.js";

const PACE_MS = 500;
const AGAIN_MS = 1_000; // after a failure, and doubled with each that follows
const LONGEST_MS = 30_000;

/** Give the focus back to what has taken the place of an element that had it, or to the whole part if nothing has. */
function refocus(element, name) {
  const found = element.querySelector(`[data-focus="${CSS.escape(name)}"]`) ?? element;
  found.focus({ preventScroll: found === element });
}

/** Return an element that `draw` fills with what `fetching` returns, and `load` to fill it anew. */
export function loaded(fetching, draw) {
  const element = h("div", { class: "loaded", tabindex: -1 }, h("p", { class: "empty" }, "Loading …"));
  let isBusy = false;
  let isStale = false;
  let isStopped = false;
  let timer = null;
  let due = Infinity;
  let againMs = AGAIN_MS;
  const show = (...children) => {
    const focused = element.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
    put(element, children);
    if (focused) refocus(element, focused);
  };
  const load = async () => {
    if (isBusy) {
      isStale = true;
      return;
    }
    isBusy = true;
    clearTimeout(timer);
    due = Infinity;
    try {
      const found = await fetching();
      if (isStopped) return;
      show(draw(found));
      againMs = AGAIN_MS;
    } catch (error) {
      if (isStopped) return;
      show(h("p", { class: "card padded problem" }, error.message));
      within(againMs);
      againMs = Math.min(2 * againMs, LONGEST_MS);
    } finally {
      isBusy = false;
      if (isStale) {
        isStale = false;
        soon();
      }
    }
  };
  const within = (ms) => {
    const at = performance.now() + ms;
    if (isStopped || at >= due) return;
    due = at;
    clearTimeout(timer);
    timer = setTimeout(() => {
      due = Infinity;
      load();
    }, ms);
  };
  const soon = () => within(PACE_MS);
  const stop = () => {
    isStopped = true;
    clearTimeout(timer);
  };
  load();
  return { element, load, soon, stop };
}

/** Return what tells how actions ended: read out as a whole, and the last one beside what was acted upon as well. */
export function outcomes() {
  const element = h("p", { class: "note", role: "status" });
  let last = ["", ""];
  const placeOf = (key) => document.querySelector(`[data-outcome="${CSS.escape(key)}"]`);
  return {
    element,
    place: (key) => h("p", { class: "note outcome", "data-outcome": key }, last[0] === key ? last[1] : null),
    say(key, text) {
      const before = placeOf(last[0]);
      if (before) before.textContent = "";
      last = [key, text];
      element.textContent = text;
      const place = placeOf(key);
      if (place) place.textContent = text;
    },
  };
}

const underWay = new Set(); // names of buttons for the focus: one that is drawn anew meanwhile is dull as well

/** Return a button that does something once, tells `say` what came of it, and is dull meanwhile but keeps the focus. */
export function action(name, focus, say, act, look = null) {
  const button = h("button", { type: "button", class: look, "data-focus": focus }, name);
  const dull = (one) => one?.setAttribute("aria-disabled", "true");
  if (underWay.has(focus)) dull(button);
  button.addEventListener("click", async () => {
    if (underWay.has(focus)) return;
    underWay.add(focus);
    dull(button);
    try {
      say(await act());
    } catch (error) {
      say(error.message);
    } finally {
      underWay.delete(focus);
      button.removeAttribute("aria-disabled");
      document.querySelector(`[data-focus="${CSS.escape(focus)}"]`)?.removeAttribute("aria-disabled");
    }
  });
  return button;
}

/** Ask a person in a dialogue of the page; resolves to the text given, null if the answer is no. */
export function confirmed(question, verb, reasonLabel = null) {
  const input = reasonLabel ? h("input", { id: "reason", maxlength: 500 }) : null;
  const before = document.activeElement;
  // No button that submits: Enter in the field means the verb. Without a field it is what Enter presses at first.
  const cancel = h("button", { type: "button", autofocus: !input }, "Cancel");
  const dialog = h(
    "dialog",
    { class: "card", "aria-label": question },
    h("form", { method: "dialog" }, h("p", {}, question), reasonLabel ? [h("label", { for: "reason" }, reasonLabel), input] : null, h("div", { class: "actions" }, h("button", { value: "yes", class: "strong" }, verb), cancel)),
  );
  cancel.addEventListener("click", () => dialog.close(""));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (before.dataset?.focus && !before.isConnected) refocus(document.getElementById("main"), before.dataset.focus);
      resolve(dialog.returnValue === "yes" ? input?.value ?? "" : null);
    });
  });
}
