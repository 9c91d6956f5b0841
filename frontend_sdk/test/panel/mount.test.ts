// @vitest-environment happy-dom
import { beforeEach, describe, expect, it } from "vitest";
import { mount } from "../../src/panel/index.js";
import { TAG, type MigrationProgressElement } from "../../src/panel/element.js";

const script = (data: Record<string, string>): HTMLElement => {
  const tag = document.createElement("script");
  Object.assign(tag.dataset, { url: "https://sync.example.com", appKey: "pk_test", ...data });
  document.querySelector("main")!.append(tag);
  return tag;
};
const panel = () => document.querySelector<MigrationProgressElement>(TAG);

beforeEach(() => {
  document.body.innerHTML = `<main></main><aside id="place"></aside><script type="application/json" id="words">{"pause":"Halt"}</script>`;
});

describe("one script tag", () => {
  it("puts a panel into the corner, with a client of its own", () => {
    mount(script({}));
    expect(panel()!.parentElement).toBe(document.body);
    expect(panel()!.dataset.place).toBe("corner");
    expect(panel()!.client).not.toBeNull();
  });

  it("puts it where the tag stands", () => {
    const tag = script({ place: "here" });
    mount(tag);
    expect(tag.nextElementSibling).toBe(panel());
    expect(panel()!.dataset.place).toBeUndefined();
  });

  it("puts it where a selector points, and into the corner where that points nowhere", () => {
    mount(script({ place: "#place" }));
    expect(panel()!.parentElement?.id).toBe("place");
    panel()!.remove();
    mount(script({ place: "#nowhere" }));
    expect(panel()!.dataset.place).toBe("corner");
  });

  it("takes the page's words from a block of JSON", () => {
    mount(script({ texts: "#words" }));
    expect(panel()!.texts).toEqual({ pause: "Halt" });
  });
});
