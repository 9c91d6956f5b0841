import type { PauseReason, RunStage, ValueType } from "../types.js";

/** A text with a count in it, one form for each plural of the language; a plain string serves all of them. */
export type Counted = string | ({ other: string } & { [Category in Intl.LDMLPluralRule]?: string });

/** Every word the panel says. A page translates it by giving other ones; what it leaves out stays English. */
export interface Texts {
  label: string;
  offerTitle: Counted;
  offerLead: string;
  resumeTitle: string;
  resumeLead: string;
  collections: string;
  collection: string;
  items: string;
  size: string;
  other: string;
  withheld: Counted;
  estimate: string;
  untouched: string;
  move: Counted;
  moveOn: string;
  again: string;
  stage: Partial<Record<RunStage, string>>;
  paused: Record<PauseReason, string>;
  watching: string;
  counts: string;
  rate: string;
  left: string;
  phases: Record<"upload" | "backup" | "validation" | "load" | "verification", string>;
  pause: string;
  resume: string;
  cancel: string;
  moreErrors: string;
  doneTitle: string;
  doneLead: string;
  stored: string;
  conflict: string;
  quarantined: string;
  withheldCount: string;
  when: string;
  receipt: string;
  saveReceipt: string;
  saveReport: string;
  changed: string;
  moveChanged: string;
  undo: string;
  undoTitle: string;
  undoLead: string;
  leaves: Counted;
  returns: Counted;
  stays: Counted;
  undoNow: string;
  keep: string;
  undoing: string;
  undoneTitle: string;
  undoneLead: string;
  bringBack: string;
  failedTitle: string;
  failedLead: string;
  cancelledTitle: string;
  cancelledLead: string;
  restoreTitle: string;
  restoreLead: Counted;
  restore: Counted;
  restoredTitle: Counted;
  restoredLead: string;
  reload: string;
  close: string;
  soon: string;
  seconds: string;
  minutes: string;
  types: Record<ValueType, string>;
  why: Record<string, string>;
  advice: Record<string, Counted>;
  errors: Record<string, string>;
}

export const ENGLISH: Texts = {
  label: "Moving your data to the server",
  offerTitle: { one: "{count} item lives only in this browser", other: "{count} items live only in this browser" },
  offerLead: "Keep them on the server too: safe when this browser forgets, and there on your next device.",
  resumeTitle: "A move was interrupted",
  resumeLead: "It goes on where it stopped; only what is missing is sent.",
  collections: "What was found",
  collection: "What",
  items: "Items",
  size: "Size",
  other: "everything else",
  withheld: { one: "{count} stays in this browser", other: "{count} stay in this browser" },
  estimate: "Takes about {range}",
  untouched: "Nothing in this browser is changed or removed.",
  move: { one: "Move {count} item", other: "Move {count} items" },
  moveOn: "Go on",
  again: "Try again",
  stage: {
    scanning: "Reading this browser",
    planned: "Preparing",
    transferring: "Moving your data",
    verifying: "Checking every item",
    completed: "Done",
    rolling_back: "Undoing",
  },
  paused: {
    user: "Paused",
    auth: "Waiting until you are signed in again",
    offline: "No connection; it goes on by itself",
    server: "Waiting for the server; it goes on by itself",
  },
  watching: "Another tab of this app is doing it.",
  counts: "{done} of {total} items",
  rate: "{rate} items/s",
  left: "{time} left",
  phases: { upload: "Send", backup: "Back up", validation: "Check", load: "Store", verification: "Verify" },
  pause: "Pause",
  resume: "Go on",
  cancel: "Cancel",
  moreErrors: "and {count} more",
  doneTitle: "Your data is on the server",
  doneLead: "Every item was stored and checked.",
  stored: "Stored",
  conflict: "Kept twice, to be decided",
  quarantined: "Set aside, to be looked at",
  withheldCount: "Stayed in this browser",
  when: "When",
  receipt: "Receipt",
  saveReceipt: "Save receipt",
  saveReport: "Save report",
  changed: "This browser has changed since.",
  moveChanged: "Move what changed",
  undo: "Undo…",
  undoTitle: "Undo this move?",
  undoLead: "Only the server changes; this browser keeps everything.",
  leaves: { one: "{count} item leaves the server", other: "{count} items leave the server" },
  returns: { one: "{count} goes back to what it was before", other: "{count} go back to what they were before" },
  stays: { one: "{count} was changed since and stays", other: "{count} were changed since and stay" },
  undoNow: "Undo the move",
  keep: "Keep it",
  undoing: "Undoing",
  undoneTitle: "The move was undone",
  undoneLead: "The server is as it was before. This browser kept everything.",
  bringBack: "Bring it back",
  failedTitle: "It did not work this time",
  failedLead: "Nothing is lost: everything is still in this browser.",
  cancelledTitle: "Cancelled",
  cancelledLead: "Everything is still in this browser. What had already been stored can be undone.",
  restoreTitle: "This browser is empty; the server is not",
  restoreLead: {
    one: "A backup of {count} item from {when} can be brought back.",
    other: "A backup of {count} items from {when} can be brought back.",
  },
  restore: { one: "Restore {count} item", other: "Restore {count} items" },
  restoredTitle: { one: "{count} item is back", other: "{count} items are back" },
  restoredLead: "Reload the page to see them.",
  reload: "Reload",
  close: "Hide",
  soon: "a moment",
  seconds: "{n} s",
  minutes: "{n} min",
  types: {
    object: "records",
    array: "lists",
    string: "texts",
    text: "texts",
    number: "numbers",
    boolean: "yes or no",
    null: "nothing",
    empty: "nothing",
    date: "dates",
    uuid: "ids",
    base64: "binary",
    dataUrl: "files",
    jwt: "tokens",
    doubleEncoded: "JSON in JSON",
  },
  why: {
    "sign-in": "looks like a sign-in",
    password: "looks like a password",
    secret: "looks like a secret key",
    personal: "looks like a card or identity number",
    excluded: "excluded by this app",
    server: "the server found a secret in it",
  },
  advice: {
    large_values: { one: "{count} large item takes the most time.", other: "{count} large items take the most time." },
    storage_nearly_full: "This browser’s storage is nearly full.",
    slow_connection: "Your connection is slow; you can go on using the page.",
  },
  errors: {
    network: "The server cannot be reached just now.",
    unavailable: "The server cannot be reached just now.",
    rate_limited: "Too many requests. Try again in a moment.",
    unauthenticated: "Please sign in again.",
    guests_not_allowed: "Please sign in first.",
    origin_not_allowed: "This page is not allowed to use the server.",
    app_disabled: "Moving data is switched off for this app.",
    claimed_by_other: "This browser’s data belongs to another account.",
    empty: "There is nothing to move.",
    too_large: "An item is larger than the server takes.",
    entry_refused: "The server refused an item.",
    verification_failed: "The server’s copy could not be verified.",
    run_expired: "The move took too long and expired.",
    stale_epoch: "The move was stopped from elsewhere.",
    fence_superseded: "Another tab took over.",
    quota_exceeded: "This browser has no room for it.",
    backup_unreadable: "The backup cannot be read.",
    cannot_roll_back: "This cannot be undone now.",
    rollback_failed: "Undoing did not work.",
    already_rolled_back: "This was already undone.",
    not_found: "The server does not know it.",
    unsupported: "This browser cannot take part.",
    internal: "Something went wrong on our side.",
  },
};

/** Parts a page may give instead of ours. */
export type TextsOverride = { [Name in keyof Texts]?: Texts[Name] extends string ? string : Partial<Texts[Name]> | Counted };

/** The English texts with the page's own in their place, group by group. */
export const merged = (own: TextsOverride | null | undefined): Texts => {
  const all = { ...ENGLISH } as Record<string, unknown>;
  for (const [name, given] of Object.entries(own ?? {})) {
    const ours = all[name];
    const isGroup = ours && typeof ours === "object";
    if (given && typeof given === "object" && isGroup) all[name] = { ...ours, ...given };
    // A plain string serves every plural, but never a whole group of texts.
    else if (typeof given === "string" && (!isGroup || "other" in ours)) all[name] = given;
  }
  return all as unknown as Texts;
};
