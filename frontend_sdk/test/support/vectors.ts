import { readFileSync } from "node:fs";

/** One of the files that the Python and SQL tests read too. */
export const vectors = (name: string): any =>
  JSON.parse(readFileSync(new URL(`../../../tests/vectors/${name}.json`, import.meta.url), "utf8"));

export const fromUnits = (units: number[]): string => {
  let text = "";
  for (const unit of units) text += String.fromCharCode(unit);
  return text;
};

type Piece = string | { repeat: string; times: number };

/** Values in `types.json` and `secrets.json` are cut in pieces, so that no scanner takes them for real ones. */
export const joined = (pieces: Piece[]): string =>
  pieces.map((piece) => (typeof piece === "string" ? piece : piece.repeat.repeat(piece.times))).join("");
