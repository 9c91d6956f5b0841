import { breathe } from "./pace.js";

/**
 * Reading a storage area whole, whatever its keys are called.
 *
 * Names that a built-in shadows (`__proto__`, `length`, `getItem`) are left out by `Object.keys`, and
 * the page may have replaced methods of the instance: we go through the prototype.
 */
const methods = (area: Storage): Storage =>
  typeof Storage === "function" && area instanceof Storage ? Storage.prototype : area;

export const readItem = (area: Storage, key: string): string | null => methods(area).getItem.call(area, key);
/** Undefined and null remove. */
export const putItem = (area: Storage, key: string, value?: string | null): void =>
  methods(area)[value == null ? "removeItem" : "setItem"].call(area, key, value!);

const enumerate = async (area: Storage): Promise<Set<string>> => {
  const own = methods(area);
  await breathe();
  const listed = own === area ? [] : Object.keys(area);
  // With tens of thousands of keys the list alone takes a slice.
  await breathe();
  const keys = new Set(listed);
  if (own !== area) {
    for (let proto: object | null = own; proto; proto = Object.getPrototypeOf(proto))
      for (const name of Object.getOwnPropertyNames(proto))
        if (typeof readItem(area, name) === "string") keys.add(name);
  }
  const count = Reflect.get(own, "length", area) as number;
  // `key(i)` is quadratic in Firefox: only where the counts show that something is hidden.
  if (keys.size !== count) for (let i = 0; i < count; i++) keys.add(own.key.call(area, i)!);
  return keys;
};

/** Every pair, read in slices. A write between two slices is found by the next reading. */
export const readAll = async (area: Storage): Promise<Map<string, string>> => {
  const items = new Map<string, string>();
  for (const key of await enumerate(area)) {
    await breathe();
    const value = readItem(area, key);
    if (value !== null) items.set(key, value);
  }
  return items;
};
