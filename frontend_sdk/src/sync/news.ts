import { problemOf } from "../problem.js";
import type { Standing } from "./exchange.js";

const LEAST_MS = 2000;
const MOST_MS = 60_000;

/** Listens to the owner's socket, which says at once that another device has written; yields whether it speaks. */
export const hearNews = (
  { _host: host, _position: position }: Standing,
  told: (revision: number) => void,
  signal: AbortSignal,
): (() => boolean) => {
  let live = false;
  let wait = LEAST_MS;
  let subject: string;
  let socket: WebSocket | undefined;
  const close = () => socket?.close();
  signal.addEventListener("abort", close);
  // A line that was down may have taken the socket with it, and nobody was told.
  globalThis.addEventListener?.("online", close, { signal });

  const listen = async (): Promise<void> => {
    // Who has signed in over another's data is not told of before the page has said whose it is.
    const _needless = () => signal.aborted || (subject = host._net._subject()) !== (position.subject ?? subject);
    const { _body } = await host._net._send("POST", "/tickets", { _json: {}, _needless });
    if (signal.aborted || !_body.ticket) return;
    const address = new URL(host._options.url.replace(/\/+$/, "") + "/ws/v1/owner", globalThis.location?.href);
    await new Promise((resolve) => {
      socket = new WebSocket(address.href.replace("http", "ws"), ["migration.v1", "ticket." + _body.ticket]);
      socket.onmessage = ({ data }) => {
        try {
          const { revision, epoch } = JSON.parse(data);
          live = true;
          wait = LEAST_MS;
          // Under another epoch than ours the next request is told what holds now.
          if (epoch && epoch !== host._config()?.epoch) told(Infinity);
          else if (revision) told(revision);
        } catch {
          close();
        }
      };
      socket.onclose = resolve;
    });
    live = false;
  };

  const loop = async () => {
    for (; !signal.aborted; wait = Math.min(MOST_MS, wait * 2)) {
      if (globalThis.navigator?.onLine !== false) await listen().catch(problemOf);
      await host._sleep(Math.random() * wait);
    }
  };
  void loop();

  // Where somebody else has signed in since, what it says is the former account's.
  return () => (subject === host._net._subject() ? live : (close(), false));
};
