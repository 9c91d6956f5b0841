import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createBreaker } from "../src/breaker.js";
import { createSleep } from "../src/pace.js";
import { backoff, retryAfter } from "../src/retry.js";
import { createTransport, type Patience, type Transport } from "../src/transport.js";
import type { PauseReason } from "../src/types.js";

const HOUR = 3_600_000;
const START = Date.parse("2026-01-01T00:00:00Z");

type Reply = { status: number; headers?: Record<string, string>; body?: unknown } | "cut";

/** What every answer of the server's own carries. */
const OURS = { "Migration-Epoch": "1.1" };

/** A transport on a fake clock; `sent` holds the times at which requests went out. */
const setUp = (reply: (n: number) => Reply, overrides: object = {}) => {
  const sent: number[] = [];
  const fetch = (async () => {
    sent.push(Date.now() - START);
    const answer = reply(sent.length);
    if (answer === "cut") throw new TypeError("network");
    const { status, headers, body = {} } = answer;
    return new Response(JSON.stringify(body), { status, headers: { ...OURS, ...headers } });
  }) as typeof globalThis.fetch;
  const net: Transport = createTransport({
    _options: { url: "http://x", appKey: "k", fetch, ...overrides },
    _device: () => "d",
    _sleep: createSleep(),
    _guest: async () => "g",
    _config: () => undefined,
    _adopt: () => {},
    _revoked: () => {},
    _store: { _update: async (_key, change) => change(undefined) },
  });
  return { net, sent };
};

const patient = (tries = Infinity): Patience & { reasons: (PauseReason | null)[] } => {
  const reasons: (PauseReason | null)[] = [];
  return {
    _stopped: false,
    _tries: tries,
    _claim: async () => {},
    _waiting: (reason) => void reasons.push(reason),
    reasons,
  };
};

beforeEach(() => {
  vi.useFakeTimers({ now: START, toFake: ["setTimeout", "clearTimeout", "Date", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const date = (ms: number) => new Date(START + ms).toUTCString();
const seconds = [0, 1, 2, 3, 5, 7, 10, 15, 30, 45, 59, 60, 61, 90, 120, 300, 600, 1800, 3599, 3600];
const dates = [1, 2, 5, 10, 30, 60, 120, 600, 1800, 3600];
/** header, the wait it asks for in ms (undefined: none) */
const VARIANTS: [string | undefined, number | undefined][] = [
  ...seconds.map((s): [string, number] => [String(s), s * 1000]),
  ...dates.map((s): [string, number] => [date(s * 1000), s * 1000]),
  ["3601", HOUR],
  ["7200", HOUR],
  ["86400", HOUR],
  ["999999999999", HOUR],
  [date(2 * HOUR), HOUR],
  [date(1000 * HOUR), HOUR],
  [" 5 ", 5000],
  ["\t7", 7000],
  [undefined, undefined],
  ["", undefined],
  ["-1", undefined],
  ["1.5", undefined],
  ["1e3", undefined],
  ["0x10", undefined],
  ["soon", undefined],
  ["5 seconds", undefined],
  ["NaN", undefined],
  ["Infinity", undefined],
  [date(-1000), undefined],
  [date(-HOUR), undefined],
];

describe("Retry-After", () => {
  it("has fifty variants", () => expect(VARIANTS.length).toBe(50));

  it.each(VARIANTS)("%j is read", (header, wait) => expect(retryAfter(header)).toBe(wait));

  it.each(VARIANTS)("%j is waited out, and not much more", async (header, wait) => {
    const headers: Record<string, string> = header === undefined ? {} : { "Retry-After": header };
    const { net, sent } = setUp((n) => (n === 1 ? { status: n % 2 ? 429 : 503, headers } : { status: 200 }));
    const done = net._send("GET", "/x", { _open: true, _run: patient() });
    await vi.advanceTimersByTimeAsync(2 * HOUR);
    await done;
    expect(sent.length).toBe(2);
    expect(sent[1]! - sent[0]!).toBeGreaterThanOrEqual(wait ?? 0);
    expect(sent[1]! - sent[0]!).toBeLessThanOrEqual((wait ?? 0) + 2000);
  });

  it("holds back other requests too, and one that succeeds meanwhile does not end it", async () => {
    const { net, sent } = setUp((n) => (n === 1 ? { status: 503, headers: { "Retry-After": "60" } } : { status: 200 }));
    const one = net._send("GET", "/x", { _open: true, _run: patient() });
    await vi.advanceTimersByTimeAsync(100);
    const others = [1, 2, 3].map(() => net._send("GET", "/y", { _open: true, _run: patient() }));
    await vi.advanceTimersByTimeAsync(59_000);
    expect(sent.length).toBe(1);
    await vi.advanceTimersByTimeAsync(10_000);
    await Promise.all([one, ...others]);
    expect(sent.slice(1).every((at) => at >= 60_000)).toBe(true);
  });

  it("may stand in the body", async () => {
    const { net, sent } = setUp((n) =>
      n === 1 ? { status: 429, body: { code: "rate_limited", retry_after: 20 } } : { status: 200 },
    );
    const done = net._send("GET", "/x", { _open: true, _run: patient() });
    await vi.advanceTimersByTimeAsync(60_000);
    await done;
    expect(sent[1]).toBeGreaterThanOrEqual(20_000);
  });
});

describe("backoff", () => {
  it("is spread over all of a window that doubles up to half a minute", () => {
    vi.spyOn(Math, "random").mockReturnValue(1);
    expect([1, 2, 3, 4, 5, 6, 7, 20].map(backoff)).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
    vi.spyOn(Math, "random").mockReturnValue(0);
    expect(backoff(9)).toBe(0);
  });
});

describe("a request", () => {
  it.each(["cut", { status: 500 }, { status: 502 }, { status: 503 }, { status: 408 }] as Reply[])(
    "is tried again after %j",
    async (first) => {
      const { net, sent } = setUp((n) => (n < 4 ? first : { status: 200, body: { a: 1 } }));
      const run = patient();
      const done = net._send("GET", "/x", { _open: true, _run: run });
      await vi.advanceTimersByTimeAsync(120_000);
      expect((await done)._body).toEqual({ a: 1 });
      expect(sent.length).toBe(4);
      expect(run.reasons).toContain("server");
      expect(run.reasons.at(-1)).toBeNull();
    },
  );

  it.each([400, 404, 409, 413, 422])("is not tried again after %i", async (status) => {
    const { net, sent } = setUp(() => ({ status, body: { code: "said" } }));
    await expect(net._send("GET", "/x", { _open: true, _run: patient() })).rejects.toMatchObject({ code: "said" });
    expect(sent.length).toBe(1);
  });

  it("fails after as many tries as the page allowed", async () => {
    const { net, sent } = setUp(() => "cut");
    const done = net._send("GET", "/x", { _open: true, _run: patient(2) }).catch((thrown) => thrown);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(await done).toMatchObject({ code: "network" });
    expect(sent.length).toBe(3);
  });

  it("takes an answer that was cut off for none", async () => {
    let n = 0;
    const { net } = setUp(() => ({ status: 200 }), {
      fetch: async () => new Response(++n === 1 ? '{"a":' : '{"a":1}', { status: 200, headers: OURS }),
    });
    const done = net._send("GET", "/x", { _open: true });
    await vi.advanceTimersByTimeAsync(10_000);
    expect((await done)._body).toEqual({ a: 1 });
  });

  it.each(["{}", "null", '"ok"', '{"status":"ok"}'])("takes what a portal says in the server's place for none: %s", async (text) => {
    let n = 0;
    const { net } = setUp(() => ({ status: 200 }), {
      fetch: async () => (++n === 1 ? new Response(text) : new Response('{"a":1}', { headers: OURS })),
    });
    const done = net._send("GET", "/x", { _open: true });
    await vi.advanceTimersByTimeAsync(10_000);
    expect((await done)._body).toEqual({ a: 1 });
  });

  it("is given up when no answer comes in time", async () => {
    let aborted = 0;
    const hang = (_: unknown, { signal }: { signal: AbortSignal }) =>
      new Promise((_resolve, reject) =>
        signal.addEventListener("abort", () => (aborted++, reject(new Error("aborted")))),
      );
    const { net } = setUp(() => "cut", { fetch: hang, requestTimeout: 1000 });
    const done = net._send("GET", "/x", { _open: true, _run: patient(0) }).catch((thrown) => thrown);
    await vi.advanceTimersByTimeAsync(1001);
    expect(await done).toMatchObject({ code: "network" });
    expect(aborted).toBe(1);
  });

  it("waits for the line to come back", async () => {
    vi.stubGlobal("navigator", { onLine: false });
    const { net, sent } = setUp(() => ({ status: 200 }));
    const run = patient();
    const done = net._send("GET", "/x", { _open: true, _run: run });
    await vi.advanceTimersByTimeAsync(100_000);
    expect(sent.length).toBe(0);
    expect(run.reasons[0]).toBe("offline");
    vi.stubGlobal("navigator", { onLine: true });
    await vi.advanceTimersByTimeAsync(30_000);
    await done;
  });
});

describe("the breaker", () => {
  it("opens after five failures, probes with one, and closes", () => {
    vi.spyOn(Math, "random").mockReturnValue(1);
    const breaker = createBreaker();
    for (let i = 0; i < 5; i++) breaker._failure();
    expect(breaker._state()).toBe("open");
    expect(breaker._delay()).toBeGreaterThan(0);
    vi.advanceTimersByTime(30_000);
    expect(breaker._delay()).toBe(0);
    expect(breaker._state()).toBe("half_open");
    expect(breaker._delay()).toBeGreaterThan(0);
    expect(breaker._success()).toBe(true);
    expect(breaker._state()).toBe("closed");
    expect(breaker._delay()).toBe(0);
  });

  it("keeps many requests from storming a server that is down", async () => {
    const { net, sent } = setUp(() => ({ status: 503 }));
    for (let i = 0; i < 20; i++) void net._send("GET", "/x", { _open: true, _run: patient() });
    await vi.advanceTimersByTimeAsync(10 * 60_000);
    expect(net._breaker()).not.toBe("closed");
    const inLastMinute = sent.filter((at) => at > 9 * 60_000).length;
    expect(inLastMinute).toBeLessThan(30);
  });

  it("makes other calls refuse at once", async () => {
    const { net } = setUp(() => ({ status: 503, headers: { "Retry-After": "600" } }));
    void net._send("GET", "/x", { _open: true, _run: patient() });
    await vi.advanceTimersByTimeAsync(10);
    await expect(net._send("GET", "/y", { _open: true })).rejects.toMatchObject({ code: "unavailable" });
  });
});
