// The dashboard keeps itself fresh while somebody looks at it; choosing an app needs no button.
"use strict";

(() => {
  const form = document.getElementById("of-app");
  if (!form) return;
  const FRESH_FOR = 30000;
  form.querySelector("button").hidden = true;
  form.querySelector("select").addEventListener("change", () => form.submit());
  setTimeout(function again() {
    if (!document.hidden && document.activeElement?.tagName !== "SELECT") location.reload();
    else setTimeout(again, FRESH_FOR);
  }, FRESH_FOR);
})();
