/**
 * Whether the secret rules have to be asked about a pair at all. Each pattern is wider than all the rules of its kind
 * together, so that what passes here would pass there; a page whose entries all pass never fetches the rules.
 */

// Unanchored wherever a rule may first take a harmless name out of the middle.
const NAMES =
  /pass|pwd|ntras|auth|cogn|msal|kta|oidc|kc-c|lerk|pkce|rifi|oken|jwt|earer|[cx]srf|sess|sid(?![a-z])|ecret|dentia|nnect|key|seed|nemo|covery|pin(?:$|[^a-z]|cod|num|has|.*pin)|cv[vc]|card|iban|ssn|ocial/i;

const VALUES =
  /eyJ|BEGIN |kty|[KS]IA|SK[\da-f]{9}|gh[posu]_|pat[_-]|pm_|Iza|ya29|CSPX|pss_|live_|sk[_-][\w-]{9}|xox|SG\.[\w-]{9}|hooks[/.]|earer |asic |(?:oken|ecret|[ie]_?[Kk]ey|onic|asswo?r?[dt])\\{0,7}" ?:|:\/\/[^/]{0,80}:[^/]{0,80}@|[2-6]\d{3}[ -]?\d{4,6}[ -]?\d{4,5}/;

// Searching more in one go would be felt: the rules, which pause, look at longer values themselves.
const LONG = 100_000;

/** False only where no rule would find anything. */
export const maybeSecret = (key: string, value: string): boolean =>
  NAMES.test(key) || value.length > LONG || VALUES.test(value);
