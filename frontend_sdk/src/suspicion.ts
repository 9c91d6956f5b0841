import { breathe } from "./pace.js";

/**
 * Whether the secret rules have to be asked about a pair at all. Each pattern is wider than all the rules of its kind
 * together, so that what passes here would pass there; a page whose entries all pass never fetches the rules.
 */

// Unanchored wherever a rule may first take a harmless name out of the middle.
const NAMES =
  /pass|pwd|contrase|auth|cognito|msal\.|okta-|oidc\.|kc-c|__clerk|pkce|verif|token|jwt|bearer|[cx]srf|sess|sid(?![a-z])|secret|credent|connect|key|seed|mnemon|recover|pin(?:$|[^a-z]|code|number|hash|.*pin)|cv[vc]|card|iban|ssn|social/i;

const VALUES =
  /eyJ|BEGIN |kty|A[KS]IA|SK[\da-f]{32}|gh[posu]_|pat[_-]|npm_|AIza|ya29\.|CSPX-|shpss_|_live_|sk[_-][\w-]{20}|xox|SG\.[\w-]{20}|hooks[/.]|Bearer |Basic |(?:oken|ecret|[ie]_?[Kk]ey|onic|asswo?r?[dt])\\{0,7}" ?:|:\/\/[^/]{0,80}:[^/]{1,80}@|[2-6]\d{3}[ -]?\d{4,6}[ -]?\d{4,5}/;

// Searching more in one go would be felt.
const PIECE = 1 << 17;
// No pattern reaches further.
const OVERLAP = 256;

const inPieces = async (value: string): Promise<boolean> => {
  for (let at = 0; at < value.length; at += PIECE) {
    await breathe();
    if (VALUES.test(value.slice(at, at + PIECE + OVERLAP))) return true;
  }
  return false;
};

/** False only where no rule would find anything; to be awaited, since long values take pauses. */
export const maybeSecret = (key: string, value: string): boolean | Promise<boolean> =>
  NAMES.test(key) || (value.length > PIECE ? inPieces(value) : VALUES.test(value));
