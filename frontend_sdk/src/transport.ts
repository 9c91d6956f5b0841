import { createBreaker } from "./breaker.js";
import { HELD } from "./host.js";
import { problem, problemOf, type Problem } from "./problem.js";
import { backoff, isPassing, isTransient, retryAfter } from "./retry.js";
import type { Sleep } from "./pace.js";
import type { Store } from "./store.js";
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
  /** Goes on when the page goes, if it is small enough. */
  _keep?: boolean;
  /** Goes without a token. */
  _open?: boolean;
  /** Asked once a token is there: with true the request need not go out any more. */
  _needless?(): boolean;
  /** Reads the body of a good answer, where that is not JSON. */
  _read?(response: Response): Promise<unknown>;
}

export interface Answer {
  _status: number;
  _body: any;
  _headers: Pick<Headers, "get">;
}

export interface Transport {
  _send(method: string, path: string, ask?: Ask): Promise<Answer>;
  /** The account the last request spoke for; guests have the empty one. */
  _subject(): string;
  _breaker(): BreakerState;
  _counts: { _requests: number; _retries: number; _sent: number };
}

/** What a request went through so far. */
interface Trip {
  _failures: number;
  _refusals: number;
  _stale: number;
  /** The token the server would not have; null where there was none. */
  _refused?: string | null;
}

/** What the transport needs of its client. */
export interface Line {
  _options: MigrationClientOptions;
  _device(): string;
  _sleep: Sleep;
  _guest(): Promise<string>;
  _config(): ServerConfig | undefined;
  _adopt(config: ServerConfig): void;
  _revoked(code: string): void;
  _store: Pick<Store, "_update">;
  /** The wait the server asked an earlier page for: its end, and how long it was. */
  _held?: [until: number, ms: number] | undefined;
}

const TRIES = 3;
const QUICK_MS = 5000;
const STALE_ROUNDS = 2;
const OFFLINE_LOOK_MS = 30_000;
// Slower than this an upload counts as stuck.
const BYTES_PER_MS = 4;
// Of the 64 KB a browser grants all requests of a page together.
const KEPT_UNITS = 20_000;

const NO_ANSWER = { _status: 0, _headers: { get: () => null }, _body: { code: "network" } };

export const createTransport = (line: Line): Transport => {
  const { _options: options, _sleep: sleep } = line;
  const base = options.url.replace(/\/+$/, "") + "/api/v1";
  const breaker = createBreaker();
  const counts = { _requests: 0, _retries: 0, _sent: 0 };
  let subject = "";
  const [until, ms] = line._held ?? [];
  const left = until! - Date.now();
  // What is longer than it ever was is a clock that was set back.
  if (left > 0 && left <= ms!) breaker._failure(left);

  /** One try. Whatever keeps an answer from us is status 0. */
  const attempt = async (method: string, path: string, ask: Ask, token: string | null): Promise<Answer> => {
    const body = ask._raw ?? (JSON.stringify(ask._json) as string | undefined);
    const abort = new AbortController();
    const size = body?.length ?? 0;
    const timer = setTimeout(() => abort.abort(), (options.requestTimeout ?? 30_000) + size / BYTES_PER_MS);
    const headers: Record<string, string> = { "Migration-Device": line._device(), ...ask._headers };
    if (token) headers.Authorization = "Bearer " + token;
    // Of the config that holds here, whoever told it: only so is this page told of another.
    if (token && line._config()) headers["Migration-Epoch"] = line._config()!.epoch;
    if (ask._run?._fence) headers["Migration-Fence"] = "" + ask._run._fence;
    if (ask._json) headers["Content-Type"] = "application/json";
    counts._requests++;
    counts._sent += size;
    try {
      const keepalive = ask._keep && size < KEPT_UNITS;
      const response = await (options.fetch ?? fetch)(base + path, {
        method,
        headers,
        body,
        signal: abort.signal,
        keepalive,
        cache: "no-store",
        credentials: "omit",
      });
      const { status, headers: answered } = response;
      if (ask._read && response.ok) return { _status: status, _headers: answered, _body: await ask._read(response) };
      // A portal's page or a balancer's, whatever it says: what our server does it says under an epoch.
      if (response.ok && !answered.get("Migration-Epoch")) return NO_ANSWER;
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
      return NO_ANSWER;
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
      run?._waiting(offline ? "offline" : "server");
      await sleep(wait);
    }
  };

  const failure = (answer: Answer): Problem =>
    problem(
      answer._body.code ?? (isTransient(answer._status) ? "unavailable" : "http_" + answer._status),
      answer._body,
      answer._status,
    );

  /** Waits where a run may wait; anybody else is told. */
  const wait = async (
    run: Patience | undefined,
    reason: PauseReason,
    ms: number,
    otherwise: Problem,
  ): Promise<void> => {
    if (!run) throw otherwise;
    run._waiting(reason);
    await sleep(ms);
  };

  /** A token to go with; undefined where there was none to be had, after a wait. */
  const authorize = async ({ _open, _run }: Ask, trip: Trip): Promise<string | null | undefined> => {
    if (_open) return null;
    try {
      const { _refused } = trip;
      const token = await (_refused === undefined ? tokens._get() : tokens._renew(_refused));
      if (token && token !== _refused) {
        if (options.token) subject = subjectOf(token);
        await _run?._claim(subject);
        return token;
      }
      trip._refused = token;
    } catch (thrown) {
      // A guest's session could not be opened: a run waits for that as for anything else.
      const found = problemOf(thrown);
      if (!_run || !isPassing(found.code) || ++trip._failures > _run._tries) throw thrown;
      return void (await wait(_run, "server", backoff(trip._failures), found));
    }
    // The first refusal is usually an expired token: another is asked for at once.
    if (trip._refusals++) await wait(_run, "auth", backoff(trip._refusals), problem("unauthenticated"));
    return;
  };

  const failed = async (answer: Answer, { _run }: Ask, trip: Trip): Promise<void> => {
    const hold = retryAfter(answer._headers.get("Retry-After") ?? answer._body.retry_after);
    breaker._failure(hold);
    if (hold) void line._store._update(HELD, () => [Date.now() + hold, hold]);
    if (++trip._failures > (_run ? _run._tries : TRIES)) throw failure(answer);
    counts._retries++;
    if (trip._failures >= TRIES) _run?._waiting("server");
    await sleep(backoff(trip._failures));
  };

  /** Takes an answer the server meant; undefined where the request should be made again. */
  const accept = (answer: Answer, { _run }: Ask, trip: Trip): Answer | undefined => {
    if (breaker._success()) sleep._wake();
    _run?._waiting(null);
    const { code, config } = answer._body;
    if (answer._status < 400) return answer;
    if (code === "app_disabled") line._revoked(code);
    if (code !== "stale_epoch" || trip._stale++ >= STALE_ROUNDS) throw failure(answer);
    if (config) line._adopt(config);
    return;
  };

  /** One round of a request: undefined means another. */
  const round = async (method: string, path: string, ask: Ask, trip: Trip): Promise<Answer | undefined> => {
    if (ask._run?._stopped) throw problem("cancelled");
    const token = await authorize(ask, trip);
    if (token === undefined) return;
    if (ask._needless?.()) return NO_ANSWER;
    // Only now: a request that still looked for a token would take the breaker's one probe with it.
    await enter(ask._run);
    const answer = await attempt(method, path, ask, token);
    if (isTransient(answer._status)) return void (await failed(answer, ask, trip));
    if (answer._status !== 401 || ask._open) return accept(answer, ask, trip);
    trip._refused = token;
    if (trip._refusals++) await wait(ask._run, "auth", backoff(trip._refusals), problem("unauthenticated"));
    return;
  };

  const send: Transport["_send"] = async (method, path, ask = {}) => {
    const trip: Trip = { _failures: 0, _refusals: 0, _stale: 0 };
    for (;;) {
      const answer = await round(method, path, ask, trip);
      if (answer) return answer;
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
