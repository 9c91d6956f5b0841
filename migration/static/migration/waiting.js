// Waits for a rollback's end and then shows the page anew.
"use strict";

(() => {
  const notice = document.querySelector("[data-wait]");
  if (!notice) return;
  const look = async () => {
    try {
      const answer = await fetch(notice.dataset.wait, { headers: { Accept: "application/json" } });
      if (answer.ok && (await answer.json()).state !== notice.dataset.state) return location.reload();
    } catch {
      // The server is away; it is asked again.
    }
    setTimeout(look, 1000);
  };
  look();
})();
