/**
 * The panel's looks. The page's own styles end at the shadow root; these custom properties pass through it:
 * --migration-accent, --migration-on-accent, --migration-surface, --migration-text, --migration-muted,
 * --migration-line, --migration-danger, --migration-radius, --migration-font.
 */
const CSS = `
:host {
  all: initial;
  display: block;
  color-scheme: inherit;
  --accent: var(--migration-accent, #0f6fae);
  --on-accent: var(--migration-on-accent, #fff);
  --surface: var(--migration-surface, #fff);
  --text: var(--migration-text, #1e2428);
  --muted: var(--migration-muted, #626c73);
  --line: var(--migration-line, #e2e5e8);
  --danger: var(--migration-danger, #a8322a);
}
@supports (color: light-dark(#000, #fff)) {
  :host {
    --accent: var(--migration-accent, light-dark(#0f6fae, #6fbdf0));
    --on-accent: var(--migration-on-accent, light-dark(#fff, #04202f));
    --surface: var(--migration-surface, light-dark(#fff, #1c1f22));
    --text: var(--migration-text, light-dark(#1e2428, #e7e9ea));
    --muted: var(--migration-muted, light-dark(#626c73, #9aa3a9));
    --line: var(--migration-line, light-dark(#e2e5e8, #2d3236));
    --danger: var(--migration-danger, light-dark(#a8322a, #f0938a));
  }
}
:host([hidden]) { display: none; }
:host([data-place="corner"]) {
  position: fixed;
  z-index: 2147483000;
  inset: auto 1rem 1rem auto;
  width: min(24rem, calc(100vw - 2rem));
}
* { box-sizing: border-box; }
section {
  font: 400 15px/1.5 var(--migration-font, system-ui, -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif);
  color: var(--text);
  background: var(--surface);
  border: 1px solid var(--line);
  border-radius: var(--migration-radius, 14px);
  padding: 18px 20px;
  box-shadow: 0 1px 2px rgb(0 0 0 / 6%), 0 8px 24px rgb(0 0 0 / 6%);
  overflow-wrap: anywhere;
  max-height: inherit;
}
:host([data-place="corner"]) section { max-height: calc(100vh - 2rem); overflow: auto; }
.head { display: flex; align-items: flex-start; gap: 12px; }
.body, .screen { display: grid; gap: 12px; grid-template-columns: minmax(0, 1fr); }
h2 { font-size: 17px; line-height: 1.3; font-weight: 650; margin: 0; flex: 1; letter-spacing: -0.005em; outline: none; }
p { margin: 0; }
.muted, .note, small { color: var(--muted); font-size: 13.5px; }
.mark { flex: none; width: 22px; height: 22px; border-radius: 50%; background: var(--accent); color: var(--on-accent); font-size: 13px; line-height: 22px; font-weight: 700; text-align: center; }
.mark[data-tone="calm"] { background: var(--line); color: var(--text); }
.mark[data-tone="bad"] { background: var(--danger); color: var(--surface); }
table { width: 100%; border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; }
caption { text-align: left; }
th { text-align: left; font-weight: 500; color: var(--muted); font-size: 12.5px; padding: 0 0 4px; }
td { padding: 6px 0; border-top: 1px solid var(--line); vertical-align: baseline; }
th + th, td + td { padding-left: 14px; }
.figure { text-align: right; white-space: nowrap; }
td small { display: block; line-height: 1.35; font-weight: 400; }
td:first-child { font-weight: 550; }
details { border: 1px solid var(--line); border-radius: 10px; padding: 8px 12px; font-size: 14px; }
summary { cursor: pointer; border-radius: 4px; }
ul { list-style: none; margin: 0; padding: 0; display: grid; gap: 6px; }
details ul { margin-top: 8px; max-height: 11rem; overflow: auto; }
li { line-height: 1.4; }
code { font: 13px/1.4 ui-monospace, "SF Mono", "DejaVu Sans Mono", monospace; }
.row { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; }
.between { justify-content: space-between; gap: 2px 14px; }
button {
  font: inherit;
  font-size: 14.5px;
  color: var(--text);
  background: transparent;
  border: 1px solid var(--line);
  border-radius: 10px;
  padding: 8px 14px;
  cursor: pointer;
}
button:hover { border-color: var(--muted); }
button:disabled { opacity: 0.55; cursor: default; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.primary { background: var(--accent); border-color: transparent; color: var(--on-accent); font-weight: 600; flex: 1; }
.primary:hover:not(:disabled) { filter: brightness(1.06); border-color: transparent; }
.danger { color: var(--danger); border-color: var(--danger); }
.close { border: 0; padding: 2px 6px; margin: -4px -8px 0 0; color: var(--muted); font-size: 18px; line-height: 1; }
.bar { height: 8px; border-radius: 4px; background: var(--line); overflow: hidden; }
.bar i { display: block; height: 100%; width: 100%; background: var(--accent); border-radius: 4px; transform-origin: 0 50%; transform: scaleX(var(--at, 0)); transition: transform 0.25s ease-out; }
.bar.still i { background: var(--muted); }
.figures { font-variant-numeric: tabular-nums; font-size: 14px; }
.phases { display: grid; grid-template-columns: repeat(5, minmax(0, 1fr)); gap: 6px; }
.phases li { font-size: 11.5px; color: var(--muted); text-align: center; }
.phases .bar { height: 3px; margin-bottom: 4px; }
dl { display: grid; grid-template-columns: 1fr auto; gap: 6px 14px; margin: 0; font-size: 14px; }
dt { color: var(--muted); }
dd { margin: 0; text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.trouble { color: var(--danger); font-size: 14px; }
.callout { border-left: 3px solid var(--accent); padding-left: 10px; font-size: 14px; display: grid; gap: 8px; justify-items: start; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
[dir="rtl"] .figure, [dir="rtl"] dd { text-align: left; }
@media (prefers-reduced-motion: reduce) { .bar i { transition: none; } }
@media (forced-colors: active) { .bar { border: 1px solid; } .bar i { background: Highlight; forced-color-adjust: none; } }
`;

let sheet: CSSStyleSheet | undefined;

/** Gives a shadow root its looks. A constructed sheet is no inline style, so no policy refuses it. */
export const dress = (root: ShadowRoot): void => {
  if (!("adoptedStyleSheets" in root) || typeof CSSStyleSheet !== "function") return;
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS);
  }
  root.adoptedStyleSheets = [sheet];
};
