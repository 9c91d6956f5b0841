import { readAll } from "./area.js";
import { breathe, now } from "./pace.js";

/**
 * Notices that the storage changed: other tabs' writes by event, the page's own by looking again, since
 * a page hears nothing of its own writes. The last values are kept: comparing them is a pointer compare.
 */
export const watchArea = (area: Storage, interval: number, changed: (count: number) => void): (() => void) => {
  let seen: Map<string, string> | undefined;
  let looking = false;
  let stopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const differs = async (items: Map<string, string>): Promise<boolean> => {
    if (items.size !== seen!.size) return true;
    for (const [key, value] of items) {
      await breathe();
      if (seen!.get(key) !== value) return true;
    }
    return false;
  };

  const look = async () => {
    if (looking || stopped) return;
    looking = true;
    clearTimeout(timer);
    const began = now();
    try {
      const items = await readAll(area);
      const different = seen && (await differs(items));
      seen = items;
      if (different && !stopped) changed(items.size);
    } catch {
      // The storage was taken away: nothing to see.
    }
    looking = false;
    // A storage that takes long to read is read less often.
    if (!stopped) timer = setTimeout(look, Math.max(interval, (now() - began) * 50));
  };

  const page: Partial<typeof globalThis> = globalThis;
  const names = ["storage", "pageshow", "online", "visibilitychange"];
  names.forEach((name) => page.addEventListener?.(name, look, true));
  void look();
  return () => {
    stopped = true;
    clearTimeout(timer);
    names.forEach((name) => page.removeEventListener?.(name, look, true));
  };
};
