import { createBreaker } from "./breaker.js";
import { problem, problemOf, type Problem } from "./problem.js";
import { backoff, isPassing, isTransient, retryAfter } from "./retry.js";
import type { Sleep } from "./pace.js";
import { createTokens, subjectOf, type Tokens } from "./tokens.js";
import type { BreakerState, MigrationClientOptions, PauseReason, ServerConfig } from "./types.js";

/** A run's say in its requests: it waits where an ordinary call gives up. */
export interface Patience {
  _stopped: boolean;
  /** Tries before the run fails; infinite unless the page set it. */
  _tries: number;
  /** Told for whom a request speaks; throws where the data is somebody else's. */
  _claim(subject: string): Promise<void>;
  _fence?: number;
  /** Told why nothing moves, and with null that it does again. */
  _waiting(reason: PauseReason | null): void;
}

export interface Ask {
  _json?: unknown;
  _raw?: Uint8Array<ArrayBuffer>;
  _headers?: Record<string, string>;
  _run?: Patience;
  /** Goes without a token. */
  _open?: boolean;
  /** Asked once a token is there: with true the request need not go out any more. */
  _needless?(): boolean;
  /** Yields the body as bytes. */
  _bytes?: boolean;
}

export interface Answer {
  _status: number;
  _body: any;
  _headers: Headers;
}

export interface Transport {
  _send(method: string, path: string, ask?: Ask): Promise<Answer>;
  /** The account the last request spoke for; guests have the empty one. */
  _subject(): string;
  _breaker(): BreakerState;
  _counts: { _requests: number; _retries: number; _sent: number };
}

/** What the transport needs of its client. */
export interface Line {
  _options: MigrationClientOptions;
  _device: string;
  _sleep: Sleep;
  _guest(): Promise<string>;
  _adopt(config: ServerConfig): void;
  _revoked(code: string): void;
}

const TRIES = 3;
const QUICK_MS = 5000;
const STALE_ROUNDS = 2;
const OFFLINE_LOOK_MS = 30_000;
// Slower than this an upload counts as stuck.
const BYTES_PER_MS = 4;

export const createTransport = (line: Line): Transport => {
  const { _options: options, _sleep: sleep } = line;
  const base = options.url.replace(/\/+$/, "") + "/api/v1";
  const breaker = createBreaker();
  const counts = { _requests: 0, _retries: 0, _sent: 0 };
  let epoch: string | null = null;
  let subject = "";

  /** One try. Whatever keeps an answer from us is status 0. */
  const attempt = async (method: string, path: string, ask: Ask, token: string | null): Promise<Answer> => {
    const body = ask._raw ?? (ask._json === undefined ? undefined : JSON.stringify(ask._json));
    const abort = new AbortController();
    const size = body?.length ?? 0;
    const timer = setTimeout(() => abort.abort(), (options.requestTimeout ?? 30_000) + size / BYTES_PER_MS);
    const headers: Record<string, string> = { "Migration-Device": line._device, ...ask._headers };
    if (token) headers.Authorization = `Bearer ${token}`;
    if (epoch && token) headers["Migration-Epoch"] = epoch;
    if (ask._run?._fence) headers["Migration-Fence"] = `${ask._run._fence}`;
    if (ask._json !== undefined) headers["Content-Type"] = "application/json";
    counts._requests++;
    counts._sent += size;
    try {
      const request = { method, headers, body, signal: abort.signal, cache: "no-store", credentials: "omit" } as const;
      const response = await (options.fetch ?? fetch)(base + path, request);
      const { status, headers: answered } = response;
      if (ask._bytes && response.ok)
        return { _status: status, _headers: answered, _body: new Uint8Array(await response.arrayBuffer()) };
      const text = await response.text();
      let parsed: unknown;
      try {
        parsed = JSON.parse(text);
      } catch (cut) {
        // An answer cut off is none; a proxy's error page is one, only without a code.
        if (response.ok) throw cut;
      }
      return { _status: status, _headers: answered, _body: parsed ?? {} };
    } catch {
      return { _status: 0, _headers: new Headers(), _body: { code: "network" } };
    } finally {
      clearTimeout(timer);
    }
  };

  const enter = async (run?: Patience): Promise<void> => {
    for (;;) {
      if (run?._stopped) throw problem("cancelled");
      const offline = run && globalThis.navigator?.onLine === false;
      const wait = offline ? OFFLINE_LOOK_MS : breaker._delay();
      if (!wait) return;
      if (!run && wait > QUICK_MS) throw problem("unavailable");
      if (offline) run._waiting("offline");
      await sleep(wait);
    }
  };

  const failure = (answer: Answer): Problem =>
    problem(answer._body.code ?? (isTransient(answer._status) ? "unavailable" : "http_" + answer._status), answer._body);

  const send = async (method: string, path: string, ask: Ask = {}): Promise<Answer> => {
    const run = ask._run;
    let refused: string | null | undefined;
    let [failures, refusals, stale] = [0, 0, 0];
    for (;;) {
      await enter(run);
      let token: string | null = null;
      try {
        if (!ask._open) token = await (refused === undefined ? tokens._get() : tokens._renew(refused));
      } catch (thrown) {
        // A guest's session could not be opened: a run waits for that as for anything else.
        if (!run || !isPassing(problemOf(thrown).code)) throw thrown;
        run._waiting("server");
        await sleep(backoff(++failures));
        continue;
      }
      const known = token && token !== refused;
      if (known && options.token) subject = subjectOf(token!);
      if (known) await run?._claim(subject);
      if (known && ask._needless?.()) return { _status: 0, _body: {}, _headers: new Headers() };
      const answer: Answer | undefined = ask._open || known ? await attempt(method, path, ask, token) : undefined;
      const status = answer?._status ?? 401;
      if (status === 401 && !ask._open) {
        refused = token;
        // The first refusal is usually an expired token: ask for another at once.
        if (!refusals++) continue;
        if (!run) throw problem("unauthenticated");
        run._waiting("auth");
        await sleep(backoff(refusals));
        continue;
      }
      if (isTransient(status)) {
        breaker._failure(retryAfter(answer!._headers.get("Retry-After") ?? `${answer!._body.retry_after ?? ""}`));
        if (++failures > (run ? run._tries : TRIES)) throw failure(answer!);
        counts._retries++;
        if (failures >= TRIES) run?._waiting("server");
        await sleep(backoff(failures));
        continue;
      }
      if (breaker._success()) sleep._wake();
      run?._waiting(null);
      epoch = answer!._headers.get("Migration-Epoch") ?? answer!._body.epoch ?? epoch;
      if (status < 400) return answer!;
      const { code, config } = answer!._body;
      if (code === "stale_epoch" && stale++ < STALE_ROUNDS) {
        if (config) line._adopt(config);
        continue;
      }
      if (code === "app_disabled") line._revoked(code);
      throw failure(answer!);
    }
  };

  const tokens: Tokens = createTokens(options.token, async () => {
    const _json = { app_key: options.appKey, guest: await line._guest() };
    const { _body } = await send("POST", "/sessions", { _json, _open: true });
    line._adopt(_body.config);
    return _body.token;
  });

  return {
    _send: send,
    _subject: () => subject,
    _breaker: breaker._state,
    _counts: counts,
  };
};
