/**
 * One tab leads, the others watch. The Web Lock dies with its tab, so that a crash cannot keep it.
 * Without locks every tab may try, and the fence at the server decides.
 */
export const lead = async <T>(
  name: string,
  work: () => Promise<T>,
  options: { ifAvailable: true } | { signal: AbortSignal },
): Promise<T | undefined> => {
  let started = false;
  const run = (): Promise<T> => {
    started = true;
    return work();
  };
  try {
    return await navigator.locks.request(name, options, (lock) => (lock ? run() : undefined));
  } catch (error) {
    if (started || (error as Error).name === "AbortError") throw error;
    // No locks, or locks blocked with the site's data.
    return run();
  }
};
