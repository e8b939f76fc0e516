// What the page knows, told by the stream; views read it and are told of changes.

const KEPT_EVENTS = 2000;

/** Return items by key, keys and items in their order; what `Map.groupBy` does, which not every browser has yet. */
export function grouped(items, keyOf) {
  const found = new Map();
  for (const item of items) {
    const key = keyOf(item);
    if (!found.has(key)) found.set(key, []);
    found.get(key).push(item);
  }
  return found;
}

export class Store extends EventTarget {
  accounts = new Map();
  events = []; // newest last
  isBrokerThere = true;
  isLive = false; // whether the stream is there
  hasState = false;
  why = ""; // there is no stream
  isRefused = false; // by a console that answers
  heardMs = null; // when something came last, by the page's clock
  staleMs = null; // of when is what is shown, by the server's clock; null while it is of now
  eventCount = 0;
  missed = 0;
  clockOffset = 0; // server minus page, in ms
  chosen = null; // the fill whose way is shown

  /** Know nothing any more: who logs in next may be somebody else. */
  forget() {
    Object.assign(this, new Store());
  }

  now() {
    return Date.now() + this.clockOffset;
  }

  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** The time for which what is shown holds: now, or when it was last known. */
  get knownMs() {
    return this.staleMs ?? this.now();
  }

  get isCurrent() {
    return this.isLive && this.isBrokerThere;
  }

  get waitingText() {
    return `Waiting for the console…${this.why && ` (${this.why})`}`;
  }

  heard() {
    this.heardMs = Date.now();
  }

  /** There is no stream. */
  lose(error) {
    this.why = error.message;
    this.isRefused = error.status > 0;
    this.reach(false, this.isBrokerThere, this.heardMs === null ? null : this.heardMs + this.clockOffset);
  }

  broker(isThere) {
    this.reach(this.isLive, isThere, this.now());
  }

  reach(isLive, isBrokerThere, untilMs) {
    this.isLive = isLive;
    this.isBrokerThere = isBrokerThere;
    this.staleMs = this.isCurrent ? null : (this.staleMs ?? untilMs);
    this.tell("reach");
  }

  state(facts) {
    const wasLive = this.isLive;
    this.clockOffset = facts.now_ms - Date.now();
    this.accounts = new Map(facts.accounts.map((account) => [account.key, account]));
    this.events = facts.events;
    this.hasState = true;
    this.why = "";
    this.missed += facts.dropped;
    this.reach(true, facts.broker.is_connected, this.now());
    this.tell("accounts");
    this.tell("events", { isFresh: true, added: facts.events });
    if (!wasLive) this.tell("anew"); // what changed meanwhile nobody told
  }

  putAccounts(accounts) {
    for (const account of accounts) {
      if (account.is_gone) this.accounts.delete(account.key);
      else this.accounts.set(account.key, account);
    }
    this.tell("accounts");
  }

  putEvents(added) {
    this.events.push(...added);
    if (this.events.length > KEPT_EVENTS) this.events.splice(0, this.events.length - KEPT_EVENTS);
    this.eventCount += added.length;
    this.tell("events", { isFresh: false, added });
  }

  get lost() {
    return [...this.accounts.values()].filter((account) => account.is_lost);
  }
}
