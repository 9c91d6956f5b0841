import { readAll } from "../area.js";
import { DEFAULT, inferCollections, labeller } from "../collections.js";
import { CLAIM, type Host } from "../host.js";
import { problem } from "../problem.js";
import type { AdoptionPolicy } from "../types.js";
import { ABSENT, printOf, type Row } from "./acks.js";
import type { Standing } from "./exchange.js";
import { restart } from "./restart.js";

/** Whose data this is, once somebody else than before is signed in. */

// Dropping duplicates takes entries out of the page's storage: only an app knows that nothing refers to them.
const UNSAID: AdoptionPolicy = "adopt";

/** What becomes of a guest's data under the present account. An account that holds nothing yet is a new one. */
export const adoptionPolicy = async ({ _options, _net }: Host): Promise<AdoptionPolicy> => {
  const { guestAdoption: given = {} } = _options;
  if (typeof given === "string") return given;
  const { _body } = await _net._send("GET", "/records?since=0&limit=1");
  return (_body.revision ? given.existing : given.new) ?? UNSAID;
};

/** Claims this browser's data for the account a run speaks for; one that is left to a guest goes over by choice alone. */
export const claimForRun = async (host: Host, subject: string, takeOver = false): Promise<void> => {
  const before = await host._store._get<string>(CLAIM);
  const parted = async () => before !== undefined && before !== subject && (before || (await isLeft(host)));
  if (!takeOver && (await parted())) throw problem("claimed_by_other", { from: before ? "account" : "guest" });
  const after = await host._store._update<string>(CLAIM, (old) => (old === before ? subject : old!));
  if (after !== subject) throw problem("claimed_by_other");
};

/** True where a guest's data does not go over to the present account unasked. */
export const isLeft = async (host: Host): Promise<boolean> => /ask|never/.test(await adoptionPolicy(host));

/**
 * Leaves what is here with whom it belonged to: nothing of it is sent before the page writes it again. What the server
 * had acknowledged there gives way to what the present account holds under the same key; all else is held.
 */
const keepApart = async ({ _host, _acks, _outbox }: Standing): Promise<Row[]> => {
  const rows: Row[] = [];
  for (const [key, value] of await readAll(_host._area)) {
    const print = await printOf(value);
    if (_acks._get(key)?.[0] === print) rows.push([key, [print, new Map(), 0, 0]]);
    else {
      _outbox._hold(key, print, "conflict");
      rows.push([key, [ABSENT, new Map(), 0, 0, print]]);
    }
  }
  return rows;
};

/**
 * Drops what the guest had of a collection under one key and the account has, to the letter, under another. Of single
 * words and numbers that says nothing: only objects and lists are compared.
 */
const dropDuplicates = async (standing: Standing): Promise<void> => {
  const { _host: host, _acks: acks, _place: place } = standing;
  const guests = await readAll(host._area);
  await host._connect();
  standing._position.timeline ||= host._config().timeline;
  await standing._receive();
  const all = await readAll(host._area);
  const declared = [...host._config().collections, ...(host._options.collections ?? [])];
  const label = labeller(await inferCollections(all.keys(), declared));
  const contentOf = (key: string, value: string) =>
    label(key) !== DEFAULT && /^\s*[[{]/.test(value) ? JSON.stringify([label(key), value]) : undefined;
  const held = new Map<string, number>();
  for (const [key, value] of all) {
    const content = guests.has(key) || !acks._get(key) ? undefined : contentOf(key, value);
    if (content) held.set(content, (held.get(content) ?? 0) + 1);
  }
  for (const [key, value] of guests) {
    const content = acks._get(key) ? undefined : contentOf(key, value);
    const left = content && held.get(content);
    if (!left) continue;
    // One for one: what the guest had twice and the account once is still there once more.
    held.set(content!, left - 1);
    place._put(key, undefined, value);
  }
};

/**
 * Claims this browser's data for the account a request speaks for. Throws `claimed_by_other` where somebody has to be
 * asked first, and `cancelled` where the exchange has to begin anew.
 */
export const claim = async (standing: Standing, subject: string): Promise<void> => {
  const { _host: host, _position: position } = standing;
  const before = await host._store._update<string>(CLAIM, (old) => old ?? subject);
  if (before === subject && (position.subject ?? subject) === subject) {
    position.subject = subject;
    return;
  }
  if (before !== subject) {
    const policy = standing._choice ?? (before ? "ask" : await adoptionPolicy(host));
    if (policy === "ask") throw problem("claimed_by_other", { from: before ? "account" : "guest" });
    await restart(standing, { subject }, policy === "never" ? await keepApart(standing) : []);
    if (policy === "merge") await dropDuplicates(standing);
    standing._choice = undefined;
    await host._store._update<string>(CLAIM, () => subject);
  } else await restart(standing, { subject });
  throw problem("cancelled");
};
