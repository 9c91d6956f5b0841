/** A storage that ends with the page: for one that has none of its own, and would rather not know. */
export const createMemory = (): Storage => {
  const items = new Map<string, string>();
  return {
    get length() {
      return items.size;
    },
    key: (index) => [...items.keys()][index] ?? null,
    getItem: (key) => items.get(`${key}`) ?? null,
    setItem: (key, value) => void items.set(`${key}`, `${value}`),
    removeItem: (key) => void items.delete(`${key}`),
    clear: () => items.clear(),
  };
};
