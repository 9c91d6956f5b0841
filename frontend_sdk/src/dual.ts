import { readAll, readItem } from "./area.js";
import type { Host } from "./host.js";
import { createMemory } from "./memory.js";
import { problem, refuse } from "./problem.js";
import type { Sync } from "./sync.js";
import type { Command } from "./sync/leading.js";
import type { MigrationClientOptions, Outcome, Pending } from "./types.js";

const NOTHING_PENDING: Pending = { count: 0, bytes: 0, oldest: null, missing: 0, refused: [], paused: "not_installed" };
const READY_MS = 3000;

/** The client's side of dual write, whose own code is fetched when it is switched on. */
export const createDual = (
  options: MigrationClientOptions,
  found: Storage | undefined,
  supported: () => Storage,
  ready: () => Promise<Host>,
) => {
  let sync: Promise<Sync> | undefined;
  let standing: Sync | undefined;
  let memory: Storage | undefined;

  const begun = async (): Promise<Sync> => {
    const area = supported();
    if (options.enableDualWrite === false) throw problem("dual_write_off");
    const { startSync } = await import("./sync.js").catch(() => {
      throw problem("engine_unavailable");
    });
    return startSync(area, ready(), !options.storage);
  };

  const installed = (): Promise<Sync> => {
    const mine = (sync ??= begun().then(
      (started) => {
        // Uninstalled meanwhile.
        if (sync !== mine) started._stop();
        else standing = started;
        return started;
      },
      (thrown) => {
        if (sync === mine) sync = undefined;
        throw thrown;
      },
    ));
    return mine;
  };

  const uninstall = () => {
    standing?._stop();
    sync = standing = undefined;
  };

  /** An answer of dual write, as soon as it is there. */
  const dual = async (ask: (sync: Sync) => Promise<Outcome<object>> | void): Promise<Outcome<object>> => {
    try {
      return (await ask(await installed())) ?? { ok: true };
    } catch (thrown) {
      return refuse(thrown);
    }
  };

  const whenReady = (): Promise<Outcome<object>> =>
    dual(({ _first }) => {
      const late = new Promise<Outcome<object>>((resolve) =>
        setTimeout(resolve, options.readyTimeout ?? READY_MS, refuse(problem("not_ready"))),
      );
      return Promise.race([_first, late]);
    });

  const reading = async <T extends object>(read: () => T | Promise<T>): Promise<Outcome<T>> => {
    try {
      await whenReady();
      return { ok: true, ...(await read()) };
    } catch (thrown) {
      return refuse(thrown);
    }
  };

  return {
    _install: () => dual(() => {}),
    _uninstall: uninstall,
    _storage: (): Storage => {
      void dual(() => {});
      return found ?? (memory ??= createMemory());
    },
    _pending: () => standing?._pending() ?? NOTHING_PENDING,
    _ready: whenReady,
    _command: (command: Command) => dual(({ _command }) => _command(command)),
    _synced: (key?: string) => dual(({ _synced }) => _synced(key)),
    _get: (key: string) => reading(() => ({ value: readItem(supported(), key) })),
    _getAll: () => reading(async () => ({ entries: [...(await readAll(supported()))] })),
  };
};
