// A server inside the page: what counts here is what the page notices, and what would have been sent.
const held = window.held = new Map();
let revision = 0;
const config = {
  app: "pk_page", epoch: "1.1", namespace: "", stage: "dual_write", collections: [], exclude: [], guests: true,
  allow_sensitive: ["*"], timeline: "t", version: "1", panic: false,
  stages: [{ collection: "", requested: "dual_write", percentage: 0, stage: "dual_write", reason: "as_requested", reads: "browser", compare: null }],
  limits: { chunk_bytes: 1e6, inflated_bytes: 8e6, chunk_entries: 1e4, entry_bytes: 3e7, single_entry_bytes: 3e7, create_bytes: 1e6 },
};
window.incoming = [];
// How the server is: "well", "away", "slow" or "garbled".
window.mood = "well";
// Keys somebody has to decide about, each with its base and what another device wrote.
const disputed = window.disputed = new Map();
const told = (line) => ({ line, revision: ++revision, own: false });
const resolve = ({ choice, line }) => {
  const [[key, { remote, local }]] = disputed;
  disputed.delete(key);
  const decided = { local, remote, custom: line }[choice];
  window.incoming.push({ ...told(decided), cause: "resolution" });
  return {};
};
const answer = (path, body) => {
  if (path === "/sessions") return { token: "guest", epoch: "1.1", config };
  if (path.startsWith("/records?")) {
    const changes = window.incoming.splice(0).map((one) => (one.line ? one : told(one)));
    return { timeline: "t", revision, until: revision, more: false, changes };
  }
  if (path.endsWith("/resolve")) return resolve(body);
  if (path.startsWith("/conflicts")) {
    const sides = [...disputed].map(([, sides]) => ({ id: 1, who: "another", when: "", why: "INTERACTIVE", ...sides }));
    return { conflicts: sides };
  }
  if (path !== "/records") return { code: "not_found" };
  const outcomes = body.ops.map(({ seq, line }) => {
    const [key, value] = JSON.parse(line);
    const dispute = disputed.get(key);
    if (dispute) {
      dispute.local = line;
      return { seq, outcome: "conflict", policy: "INTERACTIVE", conflict: 1, revision: ++revision, line: dispute.remote };
    }
    if (value === undefined) held.delete(key);
    else held.set(key, value);
    return { seq, outcome: "accepted", revision: ++revision };
  });
  return { timeline: "t", revision, outcomes };
};
window.makeClient = (options) => (window.migration = syncserver.createMigrationClient({
  url: location.origin, appKey: "pk_page", rescanInterval: 0, syncInterval: 600000,
  fetch: async (url, { body, signal }) => {
    if (mood === "away") throw new TypeError("network");
    if (mood === "garbled") return new Response("<h1>Welcome to the hotel</h1>");
    if (mood === "slow") await new Promise((_, stop) => signal.addEventListener("abort", () => stop(signal.reason)));
    const given = answer(url.split("/api/v1")[1], body && JSON.parse(body));
    return new Response(JSON.stringify(given), { status: given.code ? 404 : 200, headers: { "Migration-Epoch": "1.1" } });
  },
  ...options,
}));
