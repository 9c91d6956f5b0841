/** Two edits of one JSON object, member by member; semantics 6, for values that JSON gives back as they were. */

type Members = Record<string, unknown>;

export interface Merged {
  value: string;
  ties: number;
}

const isObject = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const membersOf = (value: string | undefined): Members | undefined => {
  try {
    const read: unknown = JSON.parse(value!);
    return isObject(read) ? read : undefined;
  } catch {
    return undefined;
  }
};

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

/** Undefined where the three are not all objects. Where both changed a member, the arriving one's stands, if it `wins`. */
export const mergeValues = (base?: string, held?: string, arriving?: string, wins = true): Merged | undefined => {
  const sides = [membersOf(base), membersOf(held), membersOf(arriving)] as const;
  if (!sides.every((side) => side)) return undefined;
  let ties = 0;
  const member = (b: unknown, h: unknown, a: unknown): unknown => {
    if (same(h, a) || same(b, a)) return h;
    if (same(b, h)) return a;
    if (h === undefined || a === undefined) return h ?? a;
    if (isObject(h) && isObject(a) && (b === undefined || isObject(b))) return objects(b ?? {}, h, a);
    ties++;
    return wins ? a : h;
  };
  const objects = (b: Members, h: Members, a: Members): Members => {
    const names = [...new Set([...Object.keys(h), ...Object.keys(a)])];
    const merged = names.map((name) => [name, member(b[name], h[name], a[name])] as const);
    return Object.fromEntries(merged.filter(([, value]) => value !== undefined));
  };
  const whole = objects(sides[0]!, sides[1]!, sides[2]!);
  return { value: JSON.stringify(whole), ties };
};
