import type { MigrationClientOptions, UnsupportedReason } from "./types.js";

/** What this browser can do; probed once, and never throwing. */
export interface Environment {
  _area: Storage | undefined;
  _reason: UnsupportedReason | undefined;
  _indexedDB: IDBFactory | null | undefined;
}

const attempt = <T>(read: () => T): T | undefined => {
  try {
    return read();
  } catch {
    return;
  }
};

const findArea = (given?: Storage): Storage | UnsupportedReason => {
  if (given) return given;
  if (typeof window === "undefined") return "no_window";
  try {
    return window.localStorage ?? "no_storage";
  } catch {
    // SecurityError: site data blocked, or a sandboxed frame.
    return "storage_blocked";
  }
};

export const probe = (options: MigrationClientOptions): Environment => {
  const area = findArea(options.storage);
  const insecure = globalThis.isSecureContext === false && "insecure_context";
  const noCrypto = !attempt(() => crypto.subtle && crypto.randomUUID) && "no_crypto";
  const found = typeof area === "string" ? undefined : area;
  return {
    _area: found,
    _reason: found ? insecure || noCrypto || undefined : (area as UnsupportedReason),
    _indexedDB: options.indexedDB === undefined ? attempt(() => indexedDB) : options.indexedDB,
  };
};

// Firefox asks the user and never answers without one.
const PERSIST_MS = 500;

/** Room and permanence of the origin's storage; unknown is null and false. */
export const storageHealth = async (
  persist?: boolean,
): Promise<{ usage: number | null; quota: number | null; persisted: boolean }> => {
  const answer = { usage: null as number | null, quota: null as number | null, persisted: false };
  const ask = async () => {
    const { storage } = navigator;
    const { usage, quota } = await storage.estimate();
    answer.usage = usage ?? null;
    answer.quota = quota ?? null;
    answer.persisted = (await storage.persisted()) || (!!persist && (await storage.persist()));
  };
  await Promise.race([ask().catch(() => {}), new Promise((resolve) => setTimeout(resolve, PERSIST_MS))]);
  return answer;
};
