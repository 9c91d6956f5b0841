// Waits for a rollback's end and then shows the page anew; shows meanwhile how far it is, where the server says it.
"use strict";

(() => {
  const notice = document.querySelector("[data-wait]");
  if (!notice) return;
  const show = ({ percentage, said }) => {
    if (percentage === undefined) return;
    notice.querySelector("progress").value = percentage;
    notice.querySelector("output").textContent = `${percentage} %`;
    notice.querySelector("[data-said]").textContent = said;
  };
  const look = async () => {
    try {
      const answer = await fetch(notice.dataset.wait, { headers: { Accept: "application/json" } });
      if (answer.ok) {
        const now = await answer.json();
        if (now.state !== notice.dataset.state) return location.reload();
        show(now);
      }
    } catch {
      // The server is away; it is asked again.
    }
    setTimeout(look, 1000);
  };
  look();
})();
