import { h, say } from "./dom.js";
import type { Facts } from "./facts.js";
import { button, type Built, type Stage } from "./screen.js";
import type { Words } from "./words.js";
import type { Progress } from "../types.js";

/** The one screen that changes many times a second: built once, then only its figures are rewritten. */

const PHASES = ["upload", "backup", "validation", "load", "verification"] as const;
const ERRORS_SHOWN = 3;
// Spoken aloud at these parts of the way, not at every step.
const MILESTONE = 25;

const bar = (attributes: Record<string, string | number> = {}) => {
  const fill = h("i");
  const node = h("div", { class: "bar", ...attributes }, fill);
  return { node, at: (part: number) => fill.style.setProperty("--at", String(Math.min(1, Math.max(0, part)))) };
};

/** Why it does not move, else what it is doing. */
export const heading = (progress: Progress, { texts }: Words): string => {
  const reason = progress.paused ?? (progress.run?.paused ? "user" : null);
  return (reason && texts.paused[reason]) ?? texts.stage[progress.stage] ?? texts.stage.scanning ?? "";
};

const figures = (progress: Progress, { texts, fill, number, time }: Words): [string, string] => {
  const { processed, total, entriesPerSecond, etaSeconds, paused } = progress;
  if (!total) return ["", ""];
  const pace = [
    !paused && entriesPerSecond > 0 && fill(texts.rate, { rate: number(entriesPerSecond) }),
    !paused && etaSeconds !== null && fill(texts.left, { time: time(etaSeconds * 1000) }),
  ];
  return [fill(texts.counts, { done: processed, total }), pace.filter(Boolean).join(" · ")];
};

const errorList = (progress: Progress, words: Words): (Node | null)[] => {
  const newest = progress.errors.slice(-ERRORS_SHOWN);
  const more = progress.errors.length - newest.length;
  return [
    ...newest.map((error) => h("li", {}, words.error(error))),
    more > 0 ? h("li", {}, words.fill(words.texts.moreErrors, { count: more })) : null,
  ];
};

export const movingScreen = ({ facts, words, talk }: Stage): Built => {
  const { texts } = words;
  const main = bar({ role: "progressbar", "aria-label": texts.label, "aria-valuemin": 0, "aria-valuemax": 100 });
  const phases = PHASES.map((name) => ({ name, ...bar({ "aria-hidden": "true" }) }));
  const counts = h("span");
  const pace = h("span", { class: "muted" });
  const watching = h("p", { class: "muted" }, texts.watching);
  const errors = h("ul", { class: "trouble", role: "alert" });
  const pause = button(texts.pause, () => (pause.dataset.on ? talk.resume() : talk.pause()));
  const cancel = button(texts.cancel, talk.cancel);
  let errorsShown = 0;

  const update = ({ progress, busy }: Facts): void => {
    if (!progress) return;
    const { percentage, paused, leading, run } = progress;
    const held = paused === "user" || !!run?.paused;
    main.at(percentage / 100);
    main.node.setAttribute("aria-valuenow", String(Math.round(percentage)));
    main.node.setAttribute("aria-valuetext", `${Math.round(percentage)} % – ${heading(progress, words)}`);
    main.node.classList.toggle("still", !!paused);
    for (const phase of phases) phase.at(progress.phases[phase.name]);
    const [done, rate] = figures(progress, words);
    say(counts, done);
    say(pace, rate);
    watching.hidden = leading;
    say(pause, held ? texts.resume : texts.pause);
    pause.dataset.on = held ? "yes" : "";
    pause.disabled = cancel.disabled = busy;
    // Another tab's run is paused and cancelled there.
    pause.hidden = cancel.hidden = !leading;
    if (progress.errors.length !== errorsShown) errors.replaceChildren(...kept(errorList(progress, words)));
    errorsShown = progress.errors.length;
  };

  update(facts);
  return {
    title: facts.progress ? heading(facts.progress, words) : "",
    nodes: [
      main.node,
      h("div", { class: "row between figures" }, counts, pace),
      h("ul", { class: "phases" }, ...phases.map(({ name, node }) => h("li", {}, node, texts.phases[name]))),
      watching,
      errors,
      h("div", { class: "row" }, pause, cancel),
    ],
    update,
  };
};

/** What to say aloud when `before` became `after`; empty for steps too small to speak of. */
export const milestone = (before: Progress | null, after: Progress, words: Words): string => {
  const title = heading(after, words);
  const step = (progress: Progress | null) => Math.floor((progress?.percentage ?? 0) / MILESTONE);
  if (before && heading(before, words) !== title) return title;
  return step(after) > step(before) ? `${title}: ${step(after) * MILESTONE} %` : "";
};

const kept = (nodes: (Node | null)[]): Node[] => nodes.filter((node): node is Node => node !== null);
