// What is asked of the console's server, and the stream that it tells.

let csrf = "";

export class Refusal extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

async function answered(response) {
  const document = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refusal(response.status, document.error ?? `the server answered ${response.status}`);
  return document;
}

export const ask = async (path) => answered(await fetch(path, { headers: { Accept: "application/json" } }));

export const send = async (path, body = {}) =>
  answered(
    await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Fillwire-Csrf": csrf },
      body: JSON.stringify(body),
    }),
  );

export async function me() {
  const facts = await ask("/api/me");
  csrf = facts.csrf;
  return facts;
}

export async function logIn(token) {
  const facts = await send("/api/login", { token });
  csrf = facts.csrf;
  return facts;
}

/** Listen; `told` has a function for each name of a message, and `live(isLive)` hears whether the stream is there. */
export function listen(told) {
  const source = new EventSource("/api/stream");
  source.addEventListener("open", () => told.live(true));
  source.addEventListener("error", () => {
    told.live(false);
    if (source.readyState === EventSource.CLOSED) told.closed(); // refused: the browser does not try again
  });
  for (const name of ["state", "accounts", "events", "changed", "broker", "ended"]) {
    source.addEventListener(name, (message) => told[name](JSON.parse(message.data)));
  }
  return () => source.close();
}
