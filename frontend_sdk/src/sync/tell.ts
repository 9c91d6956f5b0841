import type { Told } from "./place.js";

/** Tells a page whose frame could not be made what another tab's write would: the same news, only not from the browser. */
export const tell = (storageArea: Storage, ...[key, oldValue, newValue]: Told): void => {
  if (typeof StorageEvent !== "function") return;
  dispatchEvent(new StorageEvent("storage", { key, oldValue, newValue, url: location.href, storageArea }));
};
