/** A storage that ends with the page: for one that has none of its own, and would rather not know. */
export const createMemory = (): Storage => {
  let items: Record<string, string> = Object.create(null);
  return {
    get length() {
      return Object.keys(items).length;
    },
    key: (index) => Object.keys(items)[index] ?? null,
    getItem: (key) => items[key] ?? null,
    setItem(key, value) {
      items[key] = `${value}`;
    },
    removeItem(key) {
      delete items[key];
    },
    clear() {
      items = Object.create(null);
    },
  };
};
