// What is asked of the console's server, and the stream that it tells.

const DEADLINE_MS = 120_000; // the first profit of a viewer reads every trade there is
const SOON_MS = 15_000; // what the server knows by heart
const SILENCE_MS = 25_000; // the server says something every 10 s
const AGAIN_MS = 2_000;

let csrf = "";
let who = null; // the facts of who logged in, as the page knows them
let tellOther = () => null;

export class Refusal extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status; // of HTTP; 0 if there was no answer
  }
}

async function answered(response) {
  const document = await response.json().catch(() => null);
  if (!response.ok) throw new Refusal(response.status, document?.error ?? `the server answered ${response.status}`);
  if (document === null) throw new Refusal(0, "the console's answer was cut off");
  return document;
}

/** Return an error of the browser, which has no words for people, as one that has. */
const worded = (error) => (error instanceof Refusal ? error : new Refusal(0, "the console cannot be reached"));

async function asked(path, options, deadlineMs = DEADLINE_MS) {
  const signal = AbortSignal.timeout(deadlineMs);
  try {
    return await answered(await fetch(path, { ...options, signal }));
  } catch (error) {
    throw signal.aborted ? new Refusal(0, `the console did not answer within ${deadlineMs / 1000} s`) : worded(error);
  }
}

export const ask = (path, deadlineMs) => asked(path, { headers: { Accept: "application/json" } }, deadlineMs);

const post = (path, body, deadlineMs) =>
  asked(
    path,
    {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Fillwire-Csrf": csrf },
      body: JSON.stringify(body),
    },
    deadlineMs,
  );

/** Have `handler` called with the facts of somebody else who has logged in by another tab. */
export function whenOther(handler) {
  tellOther = handler;
}

export const isSame = (facts, others) => facts.user === others.user && facts.role === others.role;

/** Have something done; after another login of the same user in another tab once more, with the header of that session. */
export async function send(path, body = {}, deadlineMs = DEADLINE_MS) {
  const before = csrf;
  const asWhom = who;
  try {
    return await post(path, body, deadlineMs);
  } catch (error) {
    if (error.status !== 403) throw error;
    const facts = await ask("/api/me", SOON_MS);
    if (asWhom !== null && !isSame(facts, asWhom)) {
      tellOther(facts);
      throw new Refusal(403, `${facts.user} has logged in meanwhile: nothing was done`);
    }
    if (facts.csrf === before) throw error; // it was refused for another reason
    know(facts);
    return post(path, body, deadlineMs);
  }
}

function know(facts) {
  csrf = facts.csrf;
  who = facts;
  return facts;
}

export const me = async () => know(await ask("/api/me", SOON_MS));
export const logIn = async (token) => know(await post("/api/login", { token }, SOON_MS));
export const logOut = () => send("/api/logout", {}, SOON_MS);

/** Yield what a stream tells, as names and contents. */
async function* messagesOf(response) {
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += decoder.decode(value, { stream: true });
    const messages = text.split("\n\n");
    text = messages.pop();
    for (const message of messages) {
      const name = /^event: (.*)$/m.exec(message)?.[1];
      const content = /^data: (.*)$/m.exec(message)?.[1];
      if (name && content) yield [name, JSON.parse(content)];
    }
  }
}

/**
 * Listen until the function that is returned is called: a stream that ends, is refused or falls silent is opened again.
 *
 * `told` has a function for each name of a message, `heard()` for any of them, and `lost(why)`. It is read by `fetch`
 * because an EventSource is not told why it is refused.
 */
export function listen(told) {
  let isOver = false;
  let connection = null;
  let pausing = null;
  const deliver = (name, content) => {
    try {
      told.heard();
      told[name]?.(content);
    } catch (error) {
      reportError(error); // ours: the stream is well
    }
  };
  const once = async () => {
    connection = new AbortController();
    const { signal } = connection;
    let watching;
    const watch = () => {
      clearTimeout(watching);
      watching = setTimeout((gone) => gone.abort(), SILENCE_MS, connection);
    };
    watch();
    try {
      const response = await fetch("/api/stream", { headers: { Accept: "text/event-stream" }, signal });
      if (!response.ok) await answered(response);
      for await (const [name, content] of messagesOf(response)) {
        if (isOver) return null;
        watch();
        deliver(name, content);
      }
      return new Refusal(0, "the console has ended the stream");
    } catch (error) {
      return signal.aborted ? new Refusal(0, "the console says nothing any more") : worded(error);
    } finally {
      clearTimeout(watching);
    }
  };
  const open = async () => {
    const why = await once();
    if (isOver) return;
    told.lost(why);
    if (!isOver) pausing = setTimeout(open, AGAIN_MS);
  };
  open();
  return () => {
    isOver = true;
    clearTimeout(pausing);
    connection.abort();
  };
}
