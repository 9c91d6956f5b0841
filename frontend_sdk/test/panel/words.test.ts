import { describe, expect, it } from "vitest";
import { ENGLISH, merged } from "../../src/panel/texts.js";
import { readable, words } from "../../src/panel/words.js";

const english = words(null, "en");

describe("numbers and sizes", () => {
  it("uses the language's own separators", () => {
    expect(english.number(1240)).toBe("1,240");
    expect(words(null, "de").number(1240)).toBe("1.240");
  });

  it("falls back to the browser's language where the page's is none", () => {
    expect(words(null, "not a language").number(7)).toBe("7");
  });

  it("gives sizes with one digit only where it says something", () => {
    expect(english.size(999)).toBe("999 bytes");
    expect(english.size(6_140)).toBe("6.1 kB");
    expect(english.size(212_000)).toBe("212 kB");
    expect(english.size(5_242_880)).toBe("5.2 MB");
  });
});

describe("times", () => {
  it("tells a range once where both ends are the same", () => {
    expect(english.range(400, 4200)).toBe("1–5 s");
    expect(english.range(4100, 4900)).toBe("4–5 s");
    expect(english.range(100, 900)).toBe("a moment");
    expect(english.range(60_000, 300_000)).toBe("1–5 min");
  });

  it("changes to minutes where seconds would be many", () => {
    expect(english.time(400)).toBe("a moment");
    expect(english.time(2_000)).toBe("2 s");
    expect(english.time(240_000)).toBe("4 min");
  });

  it("reads ISO text and seconds since 1970, and shows what it cannot read", () => {
    expect(english.moment("2026-11-22T10:00:00Z")).toContain("2026");
    expect(english.moment(1_795_341_600)).toContain("2026");
    expect(english.moment("some day")).toBe("some day");
  });
});

describe("counted texts", () => {
  it("chooses the plural by the count", () => {
    expect(english.fill(ENGLISH.move, { count: 1 })).toBe("Move 1 item");
    expect(english.fill(ENGLISH.move, { count: 1200 })).toBe("Move 1,200 items");
  });

  it("chooses among as many plurals as a language has", () => {
    const polish = words({ move: { one: "{count} wpis", few: "{count} wpisy", other: "{count} wpisów" } }, "pl");
    const moved = (count: number) => polish.fill(polish.texts.move, { count });
    expect([moved(1), moved(3), moved(7)]).toEqual(["1 wpis", "3 wpisy", "7 wpisów"]);
  });

  it("takes one string for all plurals", () => {
    const own = words({ move: "Los: {count}" });
    expect(own.fill(own.texts.move, { count: 1 })).toBe("Los: 1");
  });
});

describe("a page's own texts", () => {
  it("replace ours one by one, group by group", () => {
    const texts = merged({ pause: "Anhalten", errors: { network: "Kein Netz." } });
    expect(texts.pause).toBe("Anhalten");
    expect(texts.errors.network).toBe("Kein Netz.");
    expect(texts.errors.empty).toBe(ENGLISH.errors.empty);
  });

  it("cannot break us by being something else", () => {
    const texts = merged({ errors: "all of them", nonsense: 1, pause: 5 } as never);
    expect(texts.errors).toEqual(ENGLISH.errors);
    expect(texts.pause).toBe("Pause");
  });
});

describe("troubles and reasons", () => {
  it("are told in plain words by their code", () => {
    expect(english.trouble({ code: "claimed_by_other" })).toBe("This browser’s data belongs to another account.");
  });

  it("fall back to the detail, and to the code where there is none", () => {
    expect(english.trouble({ code: "new_code", detail: "A sentence." })).toBe("A sentence.");
    expect(english.trouble({ code: "new_code" })).toContain("new_code");
  });

  it("name the entry an error is about", () => {
    expect(english.error({ code: "too_large", detail: "", at: "", key: "film" })).toMatch(/^film: /);
  });
});

describe("keys as people read them", () => {
  it("are cut, and hold nothing that breaks the line or turns it around", () => {
    expect(readable("")).toBe("(empty key)");
    expect(readable("a\n\u202eb")).toBe("a␣b");
    expect(readable("k".repeat(90))).toHaveLength(40);
  });
});

describe("kinds of values", () => {
  it("counts what is called alike together and names the most frequent", () => {
    expect(english.kinds({ text: 2, string: 2, number: 3, date: 1, uuid: 1 })).toBe("texts, numbers, …");
  });
});
