// Elements are made, never parsed: what comes from elsewhere is text and stays text.

const SVG = "http://www.w3.org/2000/svg";

/** Whether a value is there to be shown; `cond && element` may be false. */
const isThere = (value) => value !== null && value !== undefined && value !== false;
const shown = (children) => children.flat(Infinity).filter(isThere);

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (!isThere(value)) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...shown(children));
  return element;
}

/** Return an element with attributes (`onclick` and its like are listeners) and children, which may be text. */
export const h = (name, attributes, ...children) => fill(document.createElement(name), attributes, children);

/** Return an element of SVG likewise. */
export const s = (name, attributes, ...children) => fill(document.createElementNS(SVG, name), attributes, children);

/**
 * Return a row of a table whose rows are lists on a phone: each cell knows the name of its column, and says what it is,
 * for whoever reads by ear loses that with the layout.
 */
export function row(names, attributes, ...made) {
  const element = h("tr", { role: "row", ...attributes }, made);
  [...element.children].forEach((cell, index) => {
    cell.dataset.name = names[index];
    cell.setAttribute("role", cell.localName === "th" ? "rowheader" : "cell");
  });
  return element;
}

/** Return such a table. */
export const table = (className, caption, names, isNumber, rows) =>
  h(
    "table",
    { class: className, role: "table" },
    h("caption", { class: "unseen" }, caption),
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, names.map((name) => h("th", { scope: "col", role: "columnheader", class: isNumber(name) ? "number" : null }, name)))),
    rows.localName === "tbody" ? rows : h("tbody", { role: "rowgroup" }, rows),
  );

/** Put children in the place of those that an element has. */
export function put(element, ...children) {
  element.replaceChildren(...shown(children));
  return element;
}

/** Return a function that runs `draw` with the next frame, however often it is called before. */
export function nextFrame(draw) {
  let isDue = false;
  return () => {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(() => {
      isDue = false;
      draw();
    });
  };
}
