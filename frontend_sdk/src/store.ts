/**
 * Where the SDK keeps its few words between visits: device, guest, counters, the run under way.
 * IndexedDB where it works, memory where not; never localStorage, which belongs to the page.
 */
export interface Store {
  _get<T>(key: string): Promise<T | undefined>;
  /** Reads, changes and writes in one transaction, so that two tabs never get the same number. */
  _update<T>(key: string, change: (old: T | undefined) => T): Promise<T>;
  /** False when words are lost at the end of the visit. */
  _durable(): boolean;
}

// An upgrade blocked by another tab never answers.
const OPEN_MS = 3000;
const KV = "kv";

const open = (factory: IDBFactory, name: string): Promise<IDBDatabase> =>
  new Promise((resolve, reject) => {
    const request = factory.open(name, 1);
    setTimeout(reject, OPEN_MS);
    request.onupgradeneeded = () => request.result.createObjectStore(KV);
    request.onerror = reject;
    request.onsuccess = () => {
      request.result.onversionchange = () => request.result.close();
      resolve(request.result);
    };
  });

const transact = <T>(db: IDBDatabase, key: string, change?: (old: T | undefined) => T): Promise<T | undefined> =>
  new Promise((resolve, reject) => {
    const transaction = db.transaction(KV, change ? "readwrite" : "readonly", { durability: "strict" });
    const words = transaction.objectStore(KV);
    const request = words.get(key);
    let result: T | undefined;
    request.onsuccess = () => {
      result = request.result;
      if (change) words.put((result = change(result)), key);
    };
    transaction.oncomplete = () => resolve(result);
    transaction.onabort = reject;
  });

export const openStore = async (factory: IDBFactory | null | undefined, name: string): Promise<Store> => {
  // What was read or written before IndexedDB failed stays true for this visit.
  const memory = new Map<string, any>();
  let db: IDBDatabase | undefined;
  const access = async <T>(key: string, change?: (old: T | undefined) => T): Promise<T | undefined> => {
    let value: T | undefined;
    try {
      value = await transact(db!, key, change);
    } catch {
      db = undefined;
      value = memory.get(key);
      if (change) value = change(value);
    }
    memory.set(key, value);
    return value;
  };
  try {
    db = await open(factory!, name);
  } catch {
    // Private mode, blocked site data, no IndexedDB at all.
  }
  return { _get: access, _update: access as Store["_update"], _durable: () => !!db };
};
