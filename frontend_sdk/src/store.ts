/**
 * Where the SDK keeps its few words between visits: device, guest, counters, the run under way.
 * IndexedDB where it works, memory where not; never localStorage, which belongs to the page.
 */
export interface Store {
  _get<T>(key: string): Promise<T | undefined>;
  /** Reads, changes and writes in one transaction, so that two tabs never get the same number. */
  _update<T>(key: string, change: (old: T | undefined) => T): Promise<T>;
  /** The same for several words: all are written, or none. Without a change they are read. */
  _several<T>(keys: string[], change?: (old: T | undefined, at: number) => T): Promise<(T | undefined)[]>;
  /** Drops a word even while the page ends: whatever has to hear an answer would not be done by then. */
  _forget(key: string): void;
  /** False when words are lost at the end of the visit. */
  _durable(): boolean;
  /** Called when they are from now on, and were not before. */
  _lost?(): void;
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

type Change<T> = (old: T | undefined, at: number) => T;

const transact = <T>(db: IDBDatabase, keys: string[], change?: Change<T>): Promise<(T | undefined)[]> =>
  new Promise((resolve, reject) => {
    const transaction = db.transaction(KV, change ? "readwrite" : "readonly", { durability: "strict" });
    const words = transaction.objectStore(KV);
    const results: (T | undefined)[] = [];
    keys.forEach((key, at) => {
      const request = words.get(key);
      request.onsuccess = () => {
        results[at] = request.result;
        if (change) words.put((results[at] = change(results[at], at)), key);
      };
    });
    transaction.oncomplete = () => resolve(results);
    transaction.onabort = reject;
  });

export const openStore = async (factory: IDBFactory | null | undefined, name: string): Promise<Store> => {
  // What was read or written before IndexedDB failed stays true for this visit.
  const memory = new Map<string, any>();
  // Undefined in private mode, with blocked site data, without IndexedDB at all.
  let db = await open(factory!, name).catch(() => undefined);
  const _several = async <T>(keys: string[], change?: Change<T>): Promise<(T | undefined)[]> => {
    let values: (T | undefined)[];
    try {
      values = await transact(db!, keys, change);
    } catch {
      if (db) store._lost?.();
      db = undefined;
      values = keys.map((key, at) => (change ? change(memory.get(key), at) : memory.get(key)));
    }
    keys.forEach((key, at) => memory.set(key, values[at]));
    return values;
  };
  const access = async <T>(key: string, change?: Change<T>): Promise<T | undefined> =>
    (await _several([key], change))[0];
  const store: Store = {
    _get: access,
    _update: access as Store["_update"],
    _several,
    _forget(key) {
      try {
        const transaction = db!.transaction(KV, "readwrite");
        transaction.objectStore(KV).delete(key);
        transaction.commit();
      } catch {
        // Nothing lasts: nothing is kept.
      }
    },
    _durable: () => !!db,
  };
  return store;
};
