import type { Host } from "./host.js";
import { now } from "./pace.js";

/** Live news of a run: by socket, or by asking where no socket gets through. */
export interface Following {
  /** `opening` until the first attempt succeeded or failed. */
  _state(): "opening" | "live" | "asking";
  _stop(): void;
}

const LEAST_MS = 2000;
const MOST_MS = 30_000;
const PATIENT_FAILURES = 3;

export const follow = ({ _options, _net, _sleep, _progress: { _apply } }: Host, id: string): Following => {
  let state: ReturnType<Following["_state"]> = "opening";
  let stopped = false;
  let socket: WebSocket | undefined;

  /** Resolves when the socket is gone; with true if it ever spoke. */
  const listen = async (): Promise<boolean> => {
    const { _body } = await _net._send("POST", "/tickets", { _json: { run: id } });
    if (stopped) return true;
    const address = new URL(_options.url.replace(/\/+$/, "") + "/ws/v1/runs/" + id, globalThis.location?.href);
    address.protocol = address.protocol.replace("http", "ws");
    return new Promise((resolve) => {
      socket = new WebSocket(address, ["migration.v1", "ticket." + _body.ticket]);
      let last = -1;
      socket.onmessage = ({ data }) => {
        try {
          const message = JSON.parse(data);
          if (message.number <= last && message.type !== "snapshot") return;
          _apply({ ...message.run, number: message.number });
          last = message.number;
          state = "live";
          _sleep._wake();
        } catch {
          // Not our server's words: the page is to hear nothing of it.
          socket!.close();
        }
      };
      socket.onclose = () => {
        resolve(state === "live");
        state = "asking";
        _sleep._wake();
      };
    });
  };

  const loop = async () => {
    let failures = 0;
    let wait = LEAST_MS;
    while (!stopped) {
      try {
        // A proxy that blocks sockets is not asked each time.
        const spoke = failures > PATIENT_FAILURES && failures % 4 ? false : await listen();
        failures = spoke ? 0 : failures + 1;
        if (spoke) wait = LEAST_MS;
        else if (!stopped) _apply((await _net._send("GET", "/runs/" + id))._body);
      } catch {
        failures++;
      }
      if (state === "opening") state = "asking";
      _sleep._wake();
      const until = now() + wait;
      while (!stopped && now() < until) await _sleep(until - now());
      wait = Math.min(MOST_MS, wait * 1.5);
    }
  };
  void loop();

  return {
    _state: () => state,
    _stop() {
      stopped = true;
      socket?.close();
      _sleep._wake();
    },
  };
};
