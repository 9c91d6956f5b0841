import type { MigrationClientOptions } from "./types.js";

/** Whose word a request carries. */
export interface Tokens {
  /** For one request; null where nobody is signed in. */
  _get(): Promise<string | null>;
  /** After the server refused a token; requests refused at the same time share one refresh. */
  _renew(refused: string | null): Promise<string | null>;
}

/** The account a token speaks for; guests have the empty one. Read only to notice that the user changed. */
export const subjectOf = (token: string): string => {
  try {
    return JSON.parse(atob(token.split(".")[1]!.replace(/-/g, "+").replace(/_/g, "/"))).sub;
  } catch {
    return token;
  }
};

/**
 * With a provider, the page's tokens, asked for each request. Without, a guest's token: fetched once and
 * used until the server refuses it, since the browser's clock says nothing about its age.
 */
export const createTokens = (provider: MigrationClientOptions["token"], openSession: () => Promise<string>): Tokens => {
  let latest: string | null = null;
  let refreshing: Promise<string | null> | undefined;
  const ask = async (refresh: boolean): Promise<string | null> => {
    if (!provider) return (latest = await openSession());
    try {
      return (latest = (await provider({ refresh })) || null);
    } catch {
      return null;
    }
  };
  const share = (): Promise<string | null> => (refreshing ??= ask(true).finally(() => (refreshing = undefined)));
  return {
    _get: async () => (provider ? ask(false) : (latest ?? share())),
    // Another request may have fetched a new token while this one was on its way to be refused.
    _renew: async (refused) => (latest && latest !== refused ? latest : share()),
  };
};
