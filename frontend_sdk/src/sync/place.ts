import { putItem, readItem } from "../area.js";
import { printOf, type Print } from "./acks.js";
import type { Echo } from "./echo.js";

/** `moved`: the page was faster. `full`: the storage has no room. */
export type Putting = "put" | "moved" | "full";

/** A change the page has to be told of. */
export type Told = [key: string, before: string | null, after: string | null];

/** The page's storage as the server's changes meet it. */
export interface Place {
  /** What stands there, and its print. */
  _read(key: string): Promise<[value: string | null, print: Print]>;
  /**
   * Puts a value where `before` still stands, and tells the page as it would be told of another tab's write; undefined
   * removes.
   */
  _put(key: string, value: string | undefined, before: string | null): Putting;
}

/** `tell` is for a page whose frame could not be made. */
export const createPlace = (area: Storage, echo: Echo, tell: (...change: Told) => void): Place => {
  return {
    async _read(key) {
      for (;;) {
        const value = readItem(area, key);
        const print = await printOf(value);
        // Only what still stands now may be compared and replaced.
        if (readItem(area, key) === value) return [value, print];
      }
    },
    _put(key, value, before) {
      const framed = echo._area();
      if (readItem(area, key) !== before) return "moved";
      try {
        putItem(framed ?? area, key, value);
      } catch {
        return "full";
      }
      if (!framed) tell(key, before, value ?? null);
      return "put";
    },
  };
};
