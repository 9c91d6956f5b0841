import type { Refusal } from "./types.js";

/** What our own code throws: a stable code instead of a sentence, so that the words cost no bytes here. */
export interface Problem {
  code: string;
  detail?: string;
  /** The server's whole answer, where there was one. */
  _body: Record<string, any>;
  /** Its status. */
  _status?: number;
}

export const problem = (code: string, body: Record<string, any> = {}, _status?: number): Problem => ({
  code,
  detail: body.detail,
  _body: body,
  _status,
});

/** Turns whatever was thrown into a problem; a foreign error becomes `internal`. */
export const problemOf = (thrown: any): Problem =>
  thrown?._body ? thrown : problem("internal", { detail: String(thrown) });

export const refuse = (thrown: unknown): Refusal => {
  const { code, detail } = problemOf(thrown);
  return { ok: false, code, detail };
};
