/** Web Locks by the letter of the standard, as far as they are used. */
export const createLocks = () => {
  const held = new Set<string>();
  const queue: (() => void)[] = [];
  return {
    async request(
      name: string,
      options: { ifAvailable?: boolean; signal?: AbortSignal },
      work: (lock: object | null) => unknown,
    ) {
      if (options.ifAvailable && held.has(name)) return work(null);
      while (held.has(name))
        await new Promise<void>((resolve, reject) => {
          queue.push(resolve);
          options.signal?.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
        });
      held.add(name);
      try {
        return await work({ name });
      } finally {
        held.delete(name);
        queue.splice(0).forEach((wake) => wake());
      }
    },
  };
};
