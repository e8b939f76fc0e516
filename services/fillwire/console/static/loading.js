// A part of the page that is asked for: when it is shown, and again when the stream says that it has changed.

import { h, put } from "./dom.js";

const PACE_MS = 500;

/** Return an element that `draw` fills with what `fetching` returns, and `load` to fill it anew. */
export function loaded(fetching, draw) {
  const element = h("div", { class: "loaded" }, h("p", { class: "empty" }, "Loading …"));
  let isBusy = false;
  let isStale = false;
  let timer = null;
  const load = async () => {
    if (isBusy) {
      isStale = true;
      return;
    }
    isBusy = true;
    try {
      const found = await fetching();
      const focused = document.activeElement?.dataset?.focus;
      put(element, draw(found));
      if (focused) element.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus();
    } catch (error) {
      put(element, h("p", { class: "card padded problem" }, error.message));
    } finally {
      isBusy = false;
      if (isStale) {
        isStale = false;
        soon();
      }
    }
  };
  const soon = () => {
    timer ??= setTimeout(() => {
      timer = null;
      load();
    }, PACE_MS);
  };
  load();
  return { element, load, soon, stop: () => clearTimeout(timer) };
}

/** Return a button that does something once, says what came of it in `said`, and is dull meanwhile. */
export function action(name, focus, said, act, look = null) {
  const button = h("button", { type: "button", class: look, "data-focus": focus }, name);
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      said.textContent = await act();
    } catch (error) {
      said.textContent = error.message;
    } finally {
      button.disabled = false;
    }
  });
  return button;
}

/** Ask a person in a dialogue of the page; resolves to the text given, null if the answer is no. */
export function confirmed(question, verb, reasonLabel = null) {
  const input = reasonLabel ? h("input", { id: "reason", maxlength: 500 }) : null;
  const dialog = h(
    "dialog",
    { class: "card", "aria-label": question },
    h("form", { method: "dialog" }, h("p", {}, question), reasonLabel ? [h("label", { for: "reason" }, reasonLabel), input] : null, h("div", { class: "actions" }, h("button", { value: "" }, "Cancel"), h("button", { value: "yes", class: "strong" }, verb))),
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes" ? input?.value ?? "" : null);
    });
  });
}
