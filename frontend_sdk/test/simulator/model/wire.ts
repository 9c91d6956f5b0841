import type { Gaps } from "./records.js";

/** What goes over the wire, on both ends of it. */

/** What is left out for once, to see who notices. */
export interface ServerGaps extends Gaps {
  ackBeforeCommit?: boolean;
  noFence?: boolean;
  staleEpoch?: boolean;
  /** Stages change, and the epoch stays. */
  steadyEpoch?: boolean;
  /** A device is served by the server whether it has a receipt or not. */
  anyDevice?: boolean;
  /** Who is served is drawn anew with every change. */
  unsteadyBuckets?: boolean;
}

export interface Request {
  method: string;
  path: string;
  headers: Record<string, string>;
  json?: any;
  body?: string;
}

export interface Answer {
  status: number;
  body: unknown;
  headers?: Record<string, string>;
  /** What is read instead of the body: somebody on the way said or cut it. */
  garbled?: string;
}

export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly more: object = {},
  ) {
    super(code);
  }
}
