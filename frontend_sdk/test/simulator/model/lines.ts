/** A record as it travels: the JSON of its key and, unless it is deleted, its value. */

export const keyOf = (line: string): string => JSON.parse(line)[0];
export const valueOf = (line?: string): string | undefined => (line === undefined ? undefined : JSON.parse(line)[1]);
export const lineOf = (key: string, value?: string | null): string => JSON.stringify(value == null ? [key] : [key, value]);

export const isJson = (value: string | undefined): boolean => {
  try {
    JSON.parse(value!);
    return true;
  } catch {
    return false;
  }
};
