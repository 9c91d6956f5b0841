import type { Clock, Living } from "../clock.js";

/** BroadcastChannel between the tabs of one profile. */
export class Channels {
  readonly #open = new Set<{ name: string; tab: Living; onmessage: ((event: { data: unknown }) => void) | null }>();

  constructor(readonly clock: Clock) {}

  of(tab: Living) {
    const { clock } = this;
    const open = this.#open;
    return class {
      onmessage: ((event: { data: unknown }) => void) | null = null;
      readonly tab = tab;
      constructor(readonly name: string) {
        open.add(this);
      }
      postMessage(said: unknown): void {
        const data = structuredClone(said);
        for (const other of open)
          if (other !== this && other.name === this.name)
            clock.after(1, () => other.onmessage?.({ data: structuredClone(data) }), other.tab);
      }
      close(): void {
        open.delete(this);
      }
    };
  }
}
