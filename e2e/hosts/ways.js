/** Every way a page has of writing to localStorage, and a page that does one thing after the other at random. */

const early = {
  area: localStorage,
  set: localStorage.setItem,
  bound: localStorage.setItem.bind(localStorage),
};
const inner = document.documentElement.appendChild(document.createElement("iframe"));
inner.hidden = true;
const frame = inner.contentWindow;

window.WAYS = {
  setItem: (key, value) => localStorage.setItem(key, value),
  removeItem: (key) => localStorage.removeItem(key),
  clear: () => localStorage.clear(),
  "the window's getter": (key, value) =>
    Object.getOwnPropertyDescriptor(window, "localStorage").get.call(window).setItem(key, value),
  "a property": (key, value) => void (localStorage[key] = value),
  "adding to a property": (key, value) => void (localStorage[key] += value),
  delete: (key) => delete localStorage[key],
  defineProperty: (key, value) =>
    void Object.defineProperty(localStorage, key, { value, configurable: true, enumerable: true, writable: true }),
  "Reflect.set": (key, value) => Reflect.set(localStorage, key, value),
  "Reflect.deleteProperty": (key) => Reflect.deleteProperty(localStorage, key),
  "Object.assign": (key, value) => void Object.assign(localStorage, { [key]: value }),
  "the prototype's method": (key, value) => Storage.prototype.setItem.call(localStorage, key, value),
  "a method copied before": (key, value) => early.set.call(localStorage, key, value),
  "a method bound before": (key, value) => early.bound(key, value),
  "a reference from before": (key, value) => early.area.setItem(key, value),
  "a property of a reference from before": (key, value) => void (early.area[key] = value),
  "a frame's storage": (key, value) => frame.localStorage.setItem(key, value),
  "a property in a frame": (key, value) => void (frame.localStorage[key] = value),
  "a frame's method on our storage": (key, value) => frame.Storage.prototype.setItem.call(localStorage, key, value),
  "a prototype patched afterwards": (key, value) => {
    const original = Storage.prototype.setItem;
    Storage.prototype.setItem = function (...pair) {
      return original.apply(this, pair);
    };
    try {
      localStorage.setItem(key, value);
    } finally {
      Storage.prototype.setItem = original;
    }
  },
  "there and back": (key, value) => {
    localStorage.setItem(key, value);
    localStorage.setItem(key, "between");
    localStorage.setItem(key, value);
  },
  "the same again": (key, value) => {
    localStorage.setItem(key, value);
    localStorage.setItem(key, value);
  },
};

const KEYS = ["a", "b", "c", "", "é", "\ud800", "\0", "__proto__", "length", "key", "getItem", "constructor", "0", "x".repeat(300)];
const angry = { toString: () => { throw new RangeError("angry"); } };
const VALUES = ["1", "2", "", "null", "{}", '{"a":[1]}', "\udfff", "y".repeat(5000), 7, null, undefined, true, {}, [1, 2], angry, Symbol.iterator];
// Two of them are more than a storage holds.
const HUGE = "z".repeat(2_700_000);
const READS = [
  (key) => localStorage.getItem(key),
  (key) => localStorage[key],
  (key) => key in localStorage,
  () => localStorage.length,
  () => Object.keys(localStorage),
  () => JSON.stringify(localStorage).length,
  (key) => Object.getOwnPropertyDescriptor(localStorage, key),
  () => Object.prototype.toString.call(localStorage),
  () => Storage.prototype.setItem.toString() + Object.getOwnPropertyNames(Storage.prototype).sort(),
];

/** Numbers that only look like chance. */
const chance = (seed) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
};

const short = (text) => (typeof text === "string" && text.length > 100 ? `${text.length} of ${text[0]}` : text);
const shown = (value) => {
  if (typeof value === "function") return "function";
  if (typeof value !== "object" || value === null) return short(String(JSON.stringify(value) ?? value));
  return short(JSON.stringify(value));
};

// A page may write over its own methods (`localStorage.__proto__ = {}`); what looks on may not depend on them.
const { getItem, setItem, clear } = Storage.prototype;
const mend = () => {
  Object.setPrototypeOf(localStorage, Storage.prototype);
  clear.call(localStorage);
};

let heard = [];
const note = (who) => ({ key, oldValue, newValue, isTrusted, storageArea, url }) => {
  if (storageArea === sessionStorage || storageArea === frame.sessionStorage) return;
  heard.push([who, short(key), short(oldValue), short(newValue), isTrusted, storageArea === (who === "page" ? localStorage : frame.localStorage), url]);
  if (key === "the end") frame.ended?.();
};
addEventListener("storage", note("page"));
frame.addEventListener("storage", note("frame"));

/** An empty storage whose events have all been heard. */
const quiet = (word) => {
  const ended = new Promise((resolve) => (frame.ended = resolve));
  mend();
  setItem.call(localStorage, "the end", word);
  return ended;
};

/** Everything the page can see of a sequence of operations: answers, exceptions, what stands in the end, events. */
window.play = async (seed) => {
  const draw = chance(seed);
  const pick = (list) => list[Math.floor(draw() * list.length)];
  await quiet(`before ${seed}`);
  heard = [];
  const seen = [];
  for (let steps = 3 + Math.floor(draw() * 15); steps; steps--) {
    const [way, write] = pick(Object.entries(WAYS));
    const act = draw() < 0.7 ? write : pick(READS);
    const [key, value] = [pick(KEYS), draw() < 0.01 ? HUGE : pick(VALUES)];
    try {
      seen.push(shown(act(key, value)));
    } catch (error) {
      seen.push(`${way}: ${Object.prototype.toString.call(error)} ${error.name} ${error.message} ${error.code}`);
    }
    if (draw() < 0.1) await null;
  }
  const stands = Object.keys(localStorage).sort().map((key) => [short(key), short(getItem.call(localStorage, key))]);
  await quiet(`after ${seed}`);
  return JSON.stringify([seen, stands, heard, window.length, Object.keys(window).length]);
};
