import type { Conversation } from "./conversation.js";
import { h } from "./dom.js";
import type { Facts } from "./facts.js";
import type { Words } from "./words.js";

/** A screen as it stands: its nodes, and how it takes news without being built again. */
export interface Built {
  title: string;
  nodes: (Node | null | false)[];
  /** Said aloud once when the screen appears; the title alone where it is missing. */
  aloud?: string;
  update?(facts: Facts): void;
}

export interface Stage {
  facts: Facts;
  words: Words;
  talk: Conversation;
}

export const button = (text: string, act: () => unknown, { look = "", busy = false } = {}): HTMLButtonElement =>
  h("button", { type: "button", class: look || null, disabled: busy, click: () => void act() }, text);
