import { converse, type Conversation } from "./conversation.js";
import { h, say } from "./dom.js";
import { NOTHING_KNOWN, type Facts, type Screen } from "./facts.js";
import { heading, milestone } from "./moving.js";
import type { Built } from "./screen.js";
import { SCREENS } from "./screens.js";
import { dress } from "./styles.js";
import type { TextsOverride } from "./texts.js";
import { words, type Words } from "./words.js";
import type { MigrationClient } from "../types.js";

export const TAG = "migration-progress";

/** Runs what is ours; whatever goes wrong in it is told to the console and never to the page. */
export const guarded = (work: () => unknown): void => {
  const report = (error: unknown) => console.warn(`${TAG}:`, error);
  try {
    const answer = work();
    if (answer instanceof Promise) answer.catch(report);
  } catch (error) {
    report(error);
  }
};

/** Waits until the page is at rest: it comes first. */
const whenIdle = (work: () => void): void => {
  if (typeof requestIdleCallback === "function") requestIdleCallback(() => guarded(work), { timeout: 500 });
  else setTimeout(() => guarded(work), 50);
};

/** Made only where there are elements to extend, so that importing this on a server does nothing. */
export const defineElement = (): void => {
  if (typeof customElements === "undefined" || customElements.get(TAG)) return;
  customElements.define(TAG, makeElement());
};

/** Sign and tone of the screens that are about something else than going up. */
const MARKS: Partial<Record<Screen, [sign: string, tone: "" | "calm" | "bad"]>> = {
  done: ["✓", ""],
  restored: ["✓", ""],
  restore: ["↓", ""],
  preview: ["↩", "calm"],
  undoing: ["↩", "calm"],
  undone: ["↩", "calm"],
  cancelled: ["–", "calm"],
  failed: ["!", "bad"],
};

export interface MigrationProgressElement extends HTMLElement {
  /** The client the panel speaks with; setting it starts the conversation. */
  client: MigrationClient | null;
  /** The page's own words in place of ours. */
  texts: TextsOverride | null;
}

const makeElement = () =>
  class MigrationProgress extends HTMLElement implements MigrationProgressElement {
    #client: MigrationClient | null = null;
    #talk: Conversation | null = null;
    #texts: TextsOverride | null = null;
    #words: Words | null = null;
    #facts: Facts = NOTHING_KNOWN;
    #shown: Screen | "" = "";
    #built: Built | null = null;
    #mark: HTMLElement | null = null;
    #title: HTMLElement | null = null;
    #body: HTMLElement | null = null;
    #section: HTMLElement | null = null;
    #aloud: HTMLElement | null = null;
    #dismissed = false;

    get client(): MigrationClient | null {
      return this.#client;
    }

    set client(client: MigrationClient | null) {
      this.#client = client;
      guarded(() => this.#restart());
    }

    get texts(): TextsOverride | null {
      return this.#texts;
    }

    set texts(texts: TextsOverride | null) {
      this.#texts = texts;
      this.#words = null;
      guarded(() => this.#show(this.#facts, { anew: true }));
    }

    connectedCallback(): void {
      guarded(() => {
        // A page may have set the property before this script ran.
        for (const name of ["texts", "client"] as const) this.#upgrade(name);
        this.#frame();
        document.addEventListener("visibilitychange", this.#onVisible);
        this.#restart();
      });
    }

    disconnectedCallback(): void {
      guarded(() => {
        document.removeEventListener("visibilitychange", this.#onVisible);
        this.#talk?.leave();
        this.#talk = null;
      });
    }

    #onVisible = (): void => {
      if (document.visibilityState === "visible") guarded(() => this.#talk?.lookAgain());
    };

    #upgrade(name: "client" | "texts"): void {
      if (!Object.prototype.hasOwnProperty.call(this, name)) return;
      const value = this[name];
      delete (this as Partial<MigrationProgressElement>)[name];
      (this as MigrationProgressElement)[name] = value as never;
    }

    #restart(): void {
      this.#talk?.leave();
      this.#talk = null;
      this.#show(NOTHING_KNOWN);
      const client = this.#client;
      if (!client || !this.isConnected) return;
      const talk = converse(client, (facts) => guarded(() => this.#show(facts)));
      this.#talk = talk;
      whenIdle(() => void talk.begin());
    }

    get #spoken(): Words {
      const language = this.closest<HTMLElement>("[lang]")?.lang;
      return (this.#words ??= words(this.#texts, language));
    }

    /** What stays while screens come and go. */
    #frame(): void {
      if (this.shadowRoot) return;
      const root = this.attachShadow({ mode: "open" });
      dress(root);
      this.#mark = h("span", { class: "mark", "aria-hidden": "true" });
      this.#title = h("h2", { id: "title", tabindex: -1 });
      this.#body = h("div", { class: "screen" });
      this.#aloud = h("p", { class: "unseen", role: "status", "aria-live": "polite" });
      const close =
        this.dataset.place === "corner" &&
        h("button", { type: "button", class: "close", "aria-label": this.#spoken.texts.close, click: this.#dismiss }, "×");
      this.#section = h(
        "section",
        { role: "region", "aria-labelledby": "title", class: "body" },
        h("div", { class: "head" }, this.#mark, this.#title, close),
        this.#body,
        this.#aloud,
      );
      root.append(this.#section);
    }

    #dismiss = (): void => {
      this.#dismissed = true;
      this.hidden = true;
    };

    #show(facts: Facts, { anew = false } = {}): void {
      const before = this.#facts;
      this.#facts = facts;
      if (!this.#section) return;
      this.hidden = this.#dismissed || facts.screen === "hidden";
      if (facts.screen === "hidden") {
        this.#shown = "";
        return;
      }
      const same = this.#shown === facts.screen && !anew;
      if (same && this.#built?.update) this.#built.update(facts);
      else this.#build(facts, { same });
      if (facts.screen === "moving") this.#speak(before, facts);
    }

    #build(facts: Facts, { same }: { same: boolean }): void {
      const spoken = this.#spoken;
      const root = this.shadowRoot!;
      const focused = root.activeElement;
      const label = focused?.textContent;
      const open = !!root.querySelector("details[open]");
      const built = SCREENS[facts.screen as Exclude<Screen, "hidden">]({ facts, words: spoken, talk: this.#talk! });
      this.#section!.dir = getComputedStyle(this).direction;
      this.#section!.setAttribute("aria-busy", String(facts.busy));
      const [sign, tone] = MARKS[facts.screen] ?? ["↑", ""];
      say(this.#mark!, sign);
      this.#mark!.dataset.tone = tone;
      say(this.#title!, built.title);
      this.#body!.replaceChildren(...built.nodes.filter((node): node is Node => !!node));
      this.#built = built;
      this.#shown = facts.screen;
      if (same && open) root.querySelector("details")?.setAttribute("open", "");
      if (!same) say(this.#aloud!, built.aloud ?? built.title);
      if (focused) this.#refocus(same ? label : null);
    }

    /** Focus must not fall out of the panel when the pressed button goes away. */
    #refocus(label: string | null | undefined): void {
      const buttons = [...this.#body!.querySelectorAll("button")];
      const heir = label ? buttons.find((button) => button.textContent === label && !button.disabled) : null;
      (heir ?? this.#title!).focus({ preventScroll: true });
    }

    #speak(before: Facts, { progress }: Facts): void {
      if (!progress) return;
      say(this.#title!, heading(progress, this.#spoken));
      const earlier = before.screen === "moving" ? before.progress : null;
      const aloud = milestone(earlier, progress, this.#spoken);
      if (aloud) say(this.#aloud!, aloud);
    }
  };
