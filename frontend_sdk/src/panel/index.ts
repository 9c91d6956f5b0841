/**
 * `<migration-progress>`: shows a person what would move, moves it, shows how far it is, and undoes it.
 *
 * By one script tag, which also makes the client:
 *
 *   <script src="migration-progress.js" data-url="https://sync.example.com" data-app-key="pk_…" defer></script>
 *
 * or as an element whose `client` the page sets. Attributes of the tag:
 *   data-place            `corner` (default), `here` (where the tag stands), or a selector to be put into
 *   data-namespace        keeps two apps on one origin apart
 *   data-exclude          patterns of keys that never leave the browser, separated by commas
 *   data-allow-sensitive  patterns of keys that may travel although they look like secrets
 *   data-rescan-interval  ms between two looks at the storage
 *   data-texts            selector of a <script type="application/json"> with the page's own words
 */
import { createMigrationClient } from "../index.js";
import { defineElement, guarded, TAG, type MigrationProgressElement } from "./element.js";
import type { MigrationClientOptions } from "../types.js";

export { defineElement, TAG, type MigrationProgressElement } from "./element.js";
export type { TextsOverride } from "./texts.js";

const list = (text: string | undefined): string[] | undefined =>
  text
    ?.split(",")
    .map((pattern) => pattern.trim())
    .filter(Boolean);

const optionsOf = ({ dataset }: HTMLElement): MigrationClientOptions => ({
  url: new URL(dataset.url || "/", document.baseURI).href,
  appKey: dataset.appKey!,
  namespace: dataset.namespace,
  exclude: list(dataset.exclude),
  allowSensitive: list(dataset.allowSensitive),
  rescanInterval: dataset.rescanInterval ? Number(dataset.rescanInterval) : undefined,
});

const put = (element: HTMLElement, script: HTMLElement): void => {
  const { place = "corner" } = script.dataset;
  if (place === "here") return script.after(element);
  const target = place === "corner" ? null : document.querySelector(place);
  if (!target) element.dataset.place = "corner";
  (target ?? document.body).append(element);
};

/** Puts a panel where the script tag asks for it. */
export const mount = (script: HTMLElement): void => {
  const element = document.createElement(TAG) as MigrationProgressElement;
  const own = script.dataset.texts && document.querySelector(script.dataset.texts)?.textContent;
  if (own) element.texts = JSON.parse(own);
  element.client = createMigrationClient(optionsOf(script));
  put(element, script);
};

const start = (): void => {
  defineElement();
  const script = document.currentScript ?? document.querySelector("script[data-app-key]");
  if (!(script instanceof HTMLElement) || !script.dataset.appKey) return;
  if (document.body) mount(script);
  else document.addEventListener("DOMContentLoaded", () => guarded(() => mount(script)), { once: true });
};

if (typeof document !== "undefined") guarded(start);
