import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createEvents } from "../src/events.js";
import { follow } from "../src/follow.js";
import type { Host } from "../src/host.js";
import { createSleep } from "../src/pace.js";
import { createProgress } from "../src/progress.js";
import type { Progress, RunSnapshot } from "../src/types.js";

const run = (number: number, percentage: number, more: Partial<RunSnapshot> = {}): RunSnapshot => ({
  ...({
    id: "r",
    state: "transferring",
    purpose: "migrate",
    dry_run: false,
    sealed: false,
    paused: false,
  } as RunSnapshot),
  entries: { total: 100, processed: percentage } as RunSnapshot["entries"],
  bytes: { total: 1000, received: 0, processed: 0 },
  errors: [],
  number,
  percentage,
  ...more,
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const setUp = (options = {}) => {
  const events = createEvents();
  const progress = createProgress({ url: "", appKey: "", ...options }, events._emit);
  progress._begin(true);
  return { events, progress };
};

describe("progress", () => {
  it("never falls within a run, in whatever order snapshots come", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(50), fc.nat(100)), { maxLength: 40 }), (snapshots) => {
        const { events, progress } = setUp({ updateInterval: 0 });
        const seen: number[] = [];
        events._on("progressUpdate", ({ percentage }: Progress) => seen.push(percentage));
        for (const [number, percentage] of snapshots) progress._apply(run(number, percentage));
        expect(seen).toEqual([...seen].sort((a, b) => a - b));
      }),
    );
  });

  it("drops what is older than what it knows", () => {
    const { progress } = setUp();
    progress._apply(run(5, 50, { state: "verifying" }));
    progress._apply(run(4, 40, { state: "transferring" }));
    expect(progress._view()).toMatchObject({ stage: "verifying", percentage: 50 });
  });

  it("is told at once, then not more often than asked for, and the last word always", () => {
    vi.useFakeTimers();
    const { events, progress } = setUp({ updateInterval: 100 });
    progress._apply(run(1, 1));
    vi.advanceTimersByTime(1000);
    const seen: number[] = [];
    events._on("progressUpdate", ({ percentage }: Progress) => seen.push(percentage));
    for (let i = 2; i < 52; i++) {
      progress._apply(run(i, i));
      vi.advanceTimersByTime(10);
    }
    vi.advanceTimersByTime(1000);
    expect(seen.length).toBeLessThanOrEqual(7);
    expect(seen.at(-1)).toBe(51);
  });

  it("tells each error once and remembers as many as asked for", () => {
    const { events, progress } = setUp({ errorHistoryLimit: 3 });
    const added = vi.fn();
    events._on("errorAdded", added);
    const error = (i: number) => ({ code: "c" + i, detail: "d", at: "t" });
    progress._apply(run(1, 1, { errors: [error(1), error(2)] }));
    progress._apply(run(2, 1, { errors: [error(1), error(2), error(3)] }));
    progress._error("own", "d", "key");
    expect(added).toHaveBeenCalledTimes(4);
    expect(progress._view().errors.map(({ code }) => code)).toEqual(["c2", "c3", "own"]);
  });

  it("tells a pause once for each reason", () => {
    const { events, progress } = setUp();
    const paused = vi.fn();
    events._on("migrationPaused", paused);
    progress._pause("auth");
    progress._pause("auth");
    progress._pause(null);
    progress._pause("offline");
    expect(paused.mock.calls.map(([{ reason }]) => reason)).toEqual(["auth", "offline"]);
  });
});

class FakeSocket {
  static made: FakeSocket[] = [];
  onmessage?: (event: { data: string }) => void;
  onclose?: () => void;
  constructor(
    readonly url: URL,
    readonly protocols: string[],
  ) {
    FakeSocket.made.push(this);
  }
  say(type: string, number: number, percentage: number) {
    this.onmessage!({ data: JSON.stringify({ type, number, run: run(number, percentage) }) });
  }
  close() {
    this.onclose?.();
  }
}

const listen = () => {
  vi.useFakeTimers();
  FakeSocket.made = [];
  vi.stubGlobal("WebSocket", FakeSocket);
  const { events, progress } = setUp({ updateInterval: 0 });
  const asked: string[] = [];
  const send = async (method: string, path: string) => {
    asked.push(`${method} ${path}`);
    return { _status: 200, _headers: new Headers(), _body: path === "/tickets" ? { ticket: "T" } : run(99, 30) };
  };
  const host = {
    _options: { url: "https://x" },
    _net: { _send: send },
    _sleep: createSleep(),
    _progress: progress,
    _events: events,
  };
  return { following: follow(host as unknown as Host, "r"), progress, asked };
};

describe("following", () => {
  it("asks for a ticket, shows it in the subprotocol, and takes the snapshot first", async () => {
    const { following, progress } = listen();
    await vi.advanceTimersByTimeAsync(1);
    const [socket] = FakeSocket.made;
    expect(String(socket!.url)).toBe("wss://x/ws/v1/runs/r");
    expect(socket!.protocols).toEqual(["migration.v1", "ticket.T"]);
    socket!.say("snapshot", 3, 10);
    expect(following._state()).toBe("live");
    socket!.say("progressUpdate", 5, 20);
    socket!.say("progressUpdate", 4, 90);
    expect(progress._view().percentage).toBe(20);
    following._stop();
  });

  it("comes back after 200 drops without the percentage ever falling", async () => {
    const { following, progress } = listen();
    let number = 0;
    let least = 0;
    for (let i = 0; i < 200; i++) {
      await vi.advanceTimersByTimeAsync(31_000);
      const socket = FakeSocket.made.at(-1)!;
      socket.say("snapshot", ++number, Math.max(0, i / 2 - (i % 5)));
      socket.say("progressUpdate", ++number, i / 2);
      expect(progress._view().percentage).toBeGreaterThanOrEqual(least);
      least = progress._view().percentage;
      socket.close();
    }
    expect(least).toBe(99.5);
    following._stop();
  });

  it("asks instead where no socket gets through, every two to thirty seconds", async () => {
    const { following, progress, asked } = listen();
    for (let i = 0; i < 600; i++) {
      await vi.advanceTimersByTimeAsync(1000);
      FakeSocket.made.forEach((socket) => socket.onclose?.());
    }
    const questions = asked.filter((one) => one === "GET /runs/r").length;
    expect(questions).toBeGreaterThan(15);
    expect(questions).toBeLessThan(40);
    expect(asked.filter((one) => one === "POST /tickets").length).toBeLessThan(questions);
    expect(progress._view().percentage).toBe(30);
    following._stop();
  });
});
