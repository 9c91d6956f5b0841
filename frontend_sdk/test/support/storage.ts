/** A Storage by the letter of the standard, quota included, as the page's would be. */
export class AreaStorage implements Storage {
  [name: string]: unknown;
  readonly #items = new Map<string, string>();
  readonly #quota: number;
  #units = 0;
  /** The keys in order, made when first asked for. */
  #names: string[] | undefined;

  constructor(items: Iterable<[string, string]> = [], quota = 5_242_880) {
    this.#quota = quota;
    for (const [key, value] of items) this.setItem(key, value);
  }

  get length(): number {
    return this.#items.size;
  }

  key(index: number): string | null {
    return (this.#names ??= [...this.#items.keys()])[index] ?? null;
  }

  getItem(key: string): string | null {
    return this.#items.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    const units = this.#units - this.#weight(key) + key.length + value.length;
    if (units > this.#quota) throw new DOMException("full", "QuotaExceededError");
    this.#units = units;
    this.#names = undefined;
    this.#items.set(key, String(value));
  }

  removeItem(key: string): void {
    this.#units -= this.#weight(key);
    this.#names = undefined;
    this.#items.delete(key);
  }

  clear(): void {
    this.#units = 0;
    this.#names = undefined;
    this.#items.clear();
  }

  #weight(key: string): number {
    const value = this.#items.get(key);
    return value === undefined ? 0 : key.length + value.length;
  }

  entries(): [string, string][] {
    return [...this.#items];
  }
}
