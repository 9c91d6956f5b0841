import type { DUAL, Host, Words } from "./host.js";
import { problem, refuse } from "./problem.js";
import type { Command } from "./sync/commands.js";
import { startSync, type Sync } from "./sync/tab.js";
import type { MigrationClient, MigrationClientOptions, Outcome, Pending } from "./types.js";

const READY_MS = 3000;

/** Dual write as one client knows it: switched on, asked, and switched off. */
export interface DualWrite extends Pick<MigrationClient, Words<typeof DUAL>> {
  _uninstall(): void;
  /** Undefined while it is switched off. */
  _pending(): Pending | undefined;
  _ready(): Promise<Outcome<object>>;
}

export const createDualWrite = (
  options: MigrationClientOptions,
  supported: () => Storage,
  ready: () => Promise<Host>,
): DualWrite => {
  let sync: Sync | undefined;

  const installed = (): Sync => {
    const area = supported();
    if (options.enableDualWrite === false) throw problem("dual_write_off");
    return (sync ??= startSync(area, ready(), !options.storage));
  };

  /** An answer of dual write, as soon as it is there. */
  const dual = async (ask: (sync: Sync) => Promise<Outcome<object>> | void): Promise<Outcome<object>> => {
    try {
      return (await ask(installed())) ?? { ok: true };
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

  const command = (word: Command) => dual(({ _command }) => _command(word));

  return {
    install: () => dual(() => {}),
    resolveAbsence: command,
    takeOver: (choice = "adopt") => command(choice),
    whenSynced: (key) => dual(({ _synced }) => _synced(key)),
    _uninstall() {
      sync?._stop();
      sync = undefined;
    },
    _pending: () => sync?._pending(),
    _ready: whenReady,
  };
};
