/** The app's data: families of keys in `localStorage`, each value JSON. */

/** Everything under `prefix`, newest first. What cannot be read is left alone and left out. */
export function all(prefix) {
  const found = [];
  for (const key of Object.keys(localStorage)) {
    if (!key.startsWith(prefix)) continue;
    const item = read(key);
    if (item && typeof item === "object") found.push({ ...item, id: key.slice(prefix.length) });
  }
  return found.sort((a, b) => (b.created ?? "").localeCompare(a.created ?? ""));
}

export function read(key, otherwise = null) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** Returns false when the browser has no room left. */
export function write(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

export function newId() {
  return Date.now().toString(36) + Math.random().toString(36).slice(2, 8);
}
