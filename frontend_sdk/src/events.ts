import type { MigrationEventName, MigrationEvents } from "./types.js";

export type Emit = <E extends MigrationEventName>(event: E, payload: MigrationEvents[E]) => void;

type Listener = (payload: any) => void;

/** Listeners by event. One that throws is reported to the console and disturbs nobody. */
export const createEvents = () => {
  const listeners: Partial<Record<MigrationEventName, Set<Listener>>> = {};
  const of = (event: MigrationEventName): Set<Listener> => (listeners[event] ??= new Set());
  const off = (event: MigrationEventName, listener: Listener) => void of(event).delete(listener);
  return {
    _emit: ((event, payload) => {
      for (const listener of [...of(event)]) void contain(() => listener(payload));
    }) as Emit,
    _on: (event: MigrationEventName, listener: Listener) => {
      of(event).add(listener);
      return () => off(event, listener);
    },
    _off: off,
    _heard: (event: MigrationEventName): boolean => of(event).size > 0,
  };
};

export type Events = ReturnType<typeof createEvents>;

/** Runs the page's code; what it throws stays here, also where it is asynchronous. */
export const contain = async (work: () => unknown): Promise<void> => {
  try {
    await work();
  } catch (error) {
    console.error(error);
  }
};
