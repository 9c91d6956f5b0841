// A run's page, live: over the same socket the app's own pages use, and by asking where no socket gets through.
"use strict";

(() => {
  const page = document.querySelector("[data-run]");
  if (!page) return;
  const token = () => document.querySelector("#live-token [name=csrfmiddlewaretoken]").value;
  const field = (name) => page.querySelector(`[data-field="${name}"]`);
  const ASK_EVERY = 3000;
  const RETRY_FIRST = 1000;
  const RETRY_LAST = 30000;
  let last = -1;

  const count = (amount) => String(amount).replace(/\B(?=(\d{3})+$)/g, "\u202f");
  const left = (seconds) => (seconds === null ? "–" : seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`);
  const write = (name, text) => {
    const place = field(name);
    if (place) place.textContent = text;
  };

  const show = (run) => {
    if (run.number < last) return;
    last = run.number;
    // What depends on the state (verbs, timeline, rollbacks) comes from the server, whole.
    if (run.state !== page.dataset.state || String(run.paused) !== page.dataset.paused) return location.reload();
    field("percentage").value = run.percentage;
    write("percentage-text", `${Math.round(run.percentage * 10) / 10} %`);
    write("processed", count(run.entries.processed));
    write("total", count(run.entries.total));
    write("rate", String(run.entries_per_second));
    write("eta", left(run.eta_seconds));
    write("chunks", `${run.chunks.loaded}/${run.chunks.received}`);
    write("success", `${Math.round(run.success_rate * 10000) / 100} %`);
    for (const counter of page.querySelectorAll("[data-counter]")) counter.textContent = count(run.entries[counter.dataset.counter]);
    for (const bar of page.querySelectorAll("[data-phase]")) bar.value = 100 * run.phases[bar.dataset.phase];
  };

  const how = (state) => {
    const sign = field("live");
    sign.hidden = false;
    sign.dataset.how = state;
    sign.textContent = state === "live" ? "live" : "asking every few seconds";
  };

  const ask = async () => {
    const answer = await fetch(page.dataset.live, { headers: { Accept: "application/json" } });
    if (answer.ok) show(await answer.json());
  };

  // Resolves when the socket is gone, with whether it ever spoke.
  const listen = async () => {
    const answer = await fetch(page.dataset.live, { method: "POST", headers: { "X-CSRFToken": token() } });
    if (!answer.ok) return false;
    const { ticket } = await answer.json();
    const address = `${location.origin.replace(/^http/, "ws")}/ws/v1/runs/${page.dataset.run}`;
    return new Promise((resolve) => {
      let spoke = false;
      const socket = new WebSocket(address, ["migration.v1", `ticket.${ticket}`]);
      socket.onmessage = (event) => {
        const message = JSON.parse(event.data);
        if (!message.run) return;
        spoke = true;
        how("live");
        show({ ...message.run, number: message.number });
      };
      socket.onclose = () => resolve(spoke);
    });
  };

  const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

  const follow = async () => {
    for (let wait = RETRY_FIRST; ; wait = Math.min(RETRY_LAST, wait * 2)) {
      try {
        if (await listen()) wait = RETRY_FIRST;
      } catch {
        // The server is away; it is asked again.
      }
      how("asking");
      for (const until = Date.now() + wait; Date.now() < until; await pause(Math.min(ASK_EVERY, wait))) await ask().catch(() => {});
    }
  };

  follow();
})();
