import { readAll } from "./area.js";
import type { Pair } from "./codec.js";
import { inferCollections, labeller } from "./collections.js";
import type { Host } from "./host.js";
import { breathe } from "./pace.js";
import { buildManifest, describe, isLive, type Entry, type Manifest, type Table } from "./table.js";
import type { CollectionPattern, WithheldEntry } from "./types.js";

/** What a run carries: the table of sent or to be sent lines, kept in step with a page that writes on. */
export interface Cargo {
  _table: Table;
  _list: CollectionPattern[];
  _withheld: Map<string, WithheldEntry>;
  _refused: Map<string, string>;
  /** Looks at the storage and yields the lines that changed since the last look. */
  _scan(): Promise<Entry[]>;
  /** Adds pairs without looking at the storage. */
  _admit(pairs: Iterable<Pair>): Promise<Entry[]>;
  /** Takes a line back that the server would not have. */
  _drop(entry: Entry): void;
  _manifest(version: number): Promise<Manifest>;
}

/**
 * True where so much is gone at once that the storage was rather emptied than edited: an eviction or a
 * logout is not the wish to delete. A look that was under way meanwhile saw but some of it go: more is gone than is left.
 */
export const isMassLoss = (gone: number, known: number, left: number): boolean =>
  (gone > left || gone * 2 > known) && (gone > 3 || !left);

export const createCargo = async (host: Host, known?: CollectionPattern[], former?: Cargo): Promise<Cargo> => {
  const { _area, _options } = host;
  const config = host._config();
  const judge = host._judge();
  const table: Table = new Map();
  const withheld = new Map([...(former?._withheld ?? [])].filter(([, { why }]) => why === "server"));
  // What the server refused once it would refuse again.
  const refused = new Map(former?._refused);
  const declared = [...config.collections, ...(_options.collections ?? [])];
  let first: Map<string, string> | undefined = await readAll(_area);
  const list = known ?? (await inferCollections(first.keys(), declared));
  const label = labeller(list);

  const admit = async (pairs: Iterable<Pair>): Promise<Entry[]> => {
    const travelling: Pair[] = [];
    for (const [key, value] of pairs) {
      await breathe();
      const held = value === undefined ? undefined : await judge(key, value);
      if (held) withheld.set(key, held);
      else travelling.push([key, value]);
    }
    const entries = await describe(travelling, label);
    for (const entry of entries) {
      entry._before = table.get(entry._key);
      delete entry._before?._before;
      withheld.delete(entry._key);
      table.set(entry._key, entry);
    }
    return entries;
  };

  return {
    _table: table,
    _list: list,
    _withheld: withheld,
    _refused: refused,
    _admit: admit,
    async _scan() {
      const now = first ?? (await readAll(_area));
      first = undefined;
      const changed: Pair[] = [];
      for (const [key, value] of now) {
        await breathe();
        const locked = refused.has(key) || withheld.get(key)?.why === "server";
        if (!locked && table.get(key)?._value !== value) changed.push([key, value]);
      }
      const live = [...table.values()].filter(isLive);
      const gone = live.filter(({ _key }) => !now.has(_key));
      if (!isMassLoss(gone.length, live.length, _area.length)) for (const { _key } of gone) changed.push([_key]);
      return admit(changed);
    },
    _drop({ _key, _before }) {
      if (_before) table.set(_key, _before);
      else table.delete(_key);
    },
    _manifest: (version) =>
      buildManifest(
        version,
        table,
        list,
        [...withheld.values()].filter(({ key }) => !table.has(key)),
      ),
  };
};
