import { h } from "./dom.js";
import type { Screen } from "./facts.js";
import { movingScreen } from "./moving.js";
import { button, type Built, type Stage } from "./screen.js";
import type { Counted } from "./texts.js";
import { readable, type Words } from "./words.js";
import type { MigrationPlan, WithheldEntry } from "../types.js";

const RECEIPT_SHOWN = 8;
const WITHHELD_SHOWN = 100;

const row = (...children: (Node | null | false)[]) => h("div", { class: "row" }, ...children);
const paragraph = (text: string, look = "muted") => h("p", { class: look }, text);

const trouble = ({ facts, words }: Stage) =>
  facts.trouble && h("p", { class: "trouble", role: "alert" }, words.trouble(facts.trouble));

const collections = (plan: MigrationPlan, { texts, number, size, kinds }: Words) =>
  h(
    "table",
    {},
    h("caption", { class: "unseen" }, texts.collections),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("th", { scope: "col" }, texts.collection),
        h("th", { scope: "col", class: "figure" }, texts.items),
        h("th", { scope: "col", class: "figure" }, texts.size),
      ),
    ),
    h(
      "tbody",
      {},
      ...plan.dataBreakdown.map((family) =>
        h(
          "tr",
          {},
          h("td", {}, family.name === "default" ? texts.other : readable(family.name), h("small", {}, kinds(family.types))),
          h("td", { class: "figure" }, number(family.count)),
          h("td", { class: "figure" }, size(family.bytes)),
        ),
      ),
    ),
  );

const staying = (entries: WithheldEntry[], { texts, fill, why }: Words) =>
  entries.length > 0 &&
  h(
    "details",
    {},
    h("summary", {}, fill(texts.withheld, { count: entries.length })),
    h(
      "ul",
      {},
      ...entries
        .slice(0, WITHHELD_SHOWN)
        .map((entry) => h("li", {}, h("code", {}, readable(entry.key)), ` — ${why(entry)}`)),
    ),
  );

const advice = (plan: MigrationPlan, { texts, fill }: Words) =>
  plan.recommendations
    .filter(({ code }) => texts.advice[code])
    .map(({ code, count }) => paragraph(fill(texts.advice[code]!, { count: count ?? 0 })));

const offer = (stage: Stage): Built => {
  const { facts, words, talk } = stage;
  const { texts, fill, range } = words;
  const plan = facts.plan!;
  const resuming = facts.screen === "resume";
  const blockers = facts.blockers.map((blocker) => h("p", { class: "trouble" }, words.trouble(blocker)));
  const count = plan.itemCount;
  return {
    title: resuming ? texts.resumeTitle : fill(texts.offerTitle, { count }),
    nodes: [
      paragraph(resuming ? texts.resumeLead : texts.offerLead),
      collections(plan, words),
      staying(plan.withheld, words),
      ...advice(plan, words),
      ...blockers,
      trouble(stage),
      blockers.length
        ? row(button(texts.again, talk.begin, { busy: facts.busy }))
        : row(
            button(resuming ? texts.moveOn : fill(texts.move, { count }), talk.move, {
              look: "primary",
              busy: facts.busy,
            }),
          ),
      paragraph(
        [fill(texts.estimate, { range: range(plan.estimatedDuration.min, plan.estimatedDuration.max) }), texts.untouched]
          .map((sentence) => sentence.replace(/\.?$/, "."))
          .join(" "),
        "note",
      ),
    ],
  };
};

/** Hands a file to the browser's downloads: opened from there it is no page of this origin. */
const save = (text: string, type: string, name: string): void => {
  const address = URL.createObjectURL(new Blob([text], { type }));
  h("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
};

const done = (stage: Stage): Built => {
  const { facts, words, talk } = stage;
  const { texts, number, moment } = words;
  const { receipt, busy } = facts;
  const statement = receipt?.statement;
  const short = statement?.run.slice(0, RECEIPT_SHOWN) ?? "";
  const line = (term: string, value: Node | string) => [h("dt", {}, term), h("dd", {}, value)];
  const count = (term: string, entries: number | undefined) => (entries ? line(term, number(entries)) : []);
  return {
    title: texts.doneTitle,
    aloud: `${texts.doneTitle}. ${texts.doneLead}`,
    nodes: [
      paragraph(texts.doneLead),
      !!statement &&
        h(
          "dl",
          {},
          ...line(texts.stored, number(statement.stored.entries)),
          ...count(texts.conflict, statement.conflict.entries),
          ...count(texts.quarantined, statement.quarantined.entries),
          ...count(texts.withheldCount, statement.withheld.entries),
          ...line(texts.when, moment(statement.issued_at)),
          ...line(texts.receipt, h("code", { title: statement.run }, short)),
        ),
      staying(facts.withheld, words),
      facts.changed &&
        h(
          "div",
          { class: "callout" },
          paragraph(texts.changed, ""),
          button(texts.moveChanged, talk.move, { look: "primary", busy }),
        ),
      trouble(stage),
      row(
        button(texts.undo, talk.askToUndo, { busy }),
        !!receipt &&
          button(texts.saveReceipt, () => save(receipt.receipt, "application/jose", `receipt-${short}.jws`)),
        !!receipt &&
          button(texts.saveReport, () => talk.report((html) => save(html, "text/html", `report-${short}.html`)), {
            busy,
          }),
      ),
    ],
  };
};

const preview = (stage: Stage): Built => {
  const { facts, words, talk } = stage;
  const { texts, fill } = words;
  const { can_rollback, reasons, reverted, deleted, kept_count } = facts.preview!;
  const returned = reverted - deleted;
  const item = (text: Counted, count: number) => count > 0 && h("li", {}, fill(text, { count }));
  return {
    title: texts.undoTitle,
    nodes: [
      h("ul", {}, item(texts.leaves, deleted), item(texts.returns, returned), item(texts.stays, kept_count)),
      paragraph(texts.undoLead),
      ...reasons.map((reason) => h("p", { class: "trouble" }, words.trouble(reason))),
      trouble(stage),
      row(
        can_rollback && button(texts.undoNow, talk.undo, { look: "danger", busy: facts.busy }),
        button(texts.keep, talk.keep, { busy: facts.busy }),
      ),
    ],
  };
};

const undoing = ({ words: { texts } }: Stage): Built => ({
  title: texts.undoing,
  nodes: [paragraph(texts.undoLead)],
});

const undone = (stage: Stage): Built => {
  const { facts, words, talk } = stage;
  const { texts, fill } = words;
  const count = facts.plan?.itemCount ?? 0;
  return {
    title: texts.undoneTitle,
    aloud: `${texts.undoneTitle}. ${texts.undoneLead}`,
    nodes: [
      paragraph(texts.undoneLead),
      trouble(stage),
      row(
        count > 0 && button(fill(texts.move, { count }), talk.move, { look: "primary", busy: facts.busy }),
        !!facts.rollback && button(texts.bringBack, talk.bringBack, { busy: facts.busy }),
      ),
    ],
  };
};

const stopped = (stage: Stage): Built => {
  const { facts, words, talk } = stage;
  const { texts } = words;
  const failed = facts.screen === "failed";
  const { busy, run } = facts;
  return {
    title: failed ? texts.failedTitle : texts.cancelledTitle,
    nodes: [
      trouble(stage),
      paragraph(failed ? texts.failedLead : texts.cancelledLead),
      row(
        button(texts.again, talk.move, { look: "primary", busy }),
        !!run?.can_rollback && button(texts.undo, talk.askToUndo, { busy }),
      ),
    ],
  };
};

const restore = (stage: Stage): Built => {
  const { facts, words, talk } = stage;
  const { texts, fill, moment } = words;
  const { entries: count, created_at } = facts.backup!;
  return {
    title: texts.restoreTitle,
    nodes: [
      paragraph(fill(texts.restoreLead, { count, when: moment(created_at) })),
      trouble(stage),
      row(button(fill(texts.restore, { count }), talk.restore, { look: "primary", busy: facts.busy })),
    ],
  };
};

const restored = ({ facts, words: { texts, fill } }: Stage): Built => ({
  title: fill(texts.restoredTitle, { count: facts.restored }),
  nodes: [
    paragraph(texts.restoredLead),
    row(button(texts.reload, () => location.reload(), { look: "primary" })),
  ],
});

export const SCREENS: Record<Exclude<Screen, "hidden">, (stage: Stage) => Built> = {
  offer,
  resume: offer,
  moving: movingScreen,
  done,
  preview,
  undoing,
  undone,
  failed: stopped,
  cancelled: stopped,
  restore,
  restored,
};
