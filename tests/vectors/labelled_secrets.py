"""The kinds of secrets in `secrets.json`: what each is called, the rule that must answer, and how to make one up."""

import base64
import json
import string
from collections.abc import Callable
from itertools import pairwise

from tests.vectors.labelled_draws import (
    ALNUM,
    HEX,
    URL_SAFE,
    Maker,
    Pair,
    b64url,
    chars,
    compact,
    dice,
    luhn_digit,
    pick,
    plain_key,
    words,
    wrapped,
)

SEED_WORDS = "abandon ability able about above absent absorb abstract absurd abuse access acid zoo zone wrong write"
PASSWORDS = "hunter2 Tr0ub4dor&3 letmein swordfish P@ssw0rd! correct-horse-9 qwerty123 k:9#xq{zz"


def hidden(make: Callable[[], str]) -> Maker:
    """Return a maker of entries whose key tells nothing and whose value holds the secret somewhere."""
    return lambda: (plain_key(), wrapped(make()))


def member(names: str, make: Callable[[], str]) -> Maker:
    """Return a maker of JSON values with a telling member, some of them JSON within JSON."""

    def build() -> Pair:
        state: object = {"id": dice.randrange(9999), dice.choice(names.split()): make(), "ok": True}
        text = pick(compact(state), json.dumps(state, indent=1), compact({"auth": compact(state)}))
        return pick("app.state", "persist:root", "settings", "user", "profile"), text

    return build


def named(names: str, make: Callable[[], str]) -> Maker:
    """Return a maker of entries with one telling key after the other."""
    listed = iter(names.split() * 12)
    return lambda: (next(listed), make())


def opaque() -> str:
    return chars(ALNUM, dice.randint(18, 40))


def password() -> str:
    return words(1, PASSWORDS)


def seed_phrase() -> str:
    return words(12, SEED_WORDS)


def digits(count: int) -> Callable[[], str]:
    return lambda: chars(string.digits, count)


def jwt() -> str:
    head = b64url({"alg": pick("HS256", "RS256", "none"), "typ": "JWT", "kid": chars(ALNUM, 6)})
    return f"{head}.{b64url({'sub': chars(string.digits, 9), 'exp': 1767225600})}.{chars(URL_SAFE, 43)}"


def pem() -> str:
    kind = pick("", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED ")
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{chars(ALNUM, 64)}\n-----END {kind}PRIVATE KEY-----"


def jwk() -> Pair:
    parts = {"kty": "EC", "crv": "P-256"} | {name: chars(URL_SAFE, 43) for name in "xyd"}
    text = pick(compact(parts), json.dumps({"jwk": parts}, indent=2), compact(compact(parts)))
    return pick("device", "identity", "e2e"), text


def card() -> str:
    start = pick("4", "51", "55", "2221", "6011", "34", "37")
    length = 15 if start.startswith("3") else 16
    number = start + "".join(dice.choice(string.digits) for _ in range(length - len(start) - 1))
    number += luhn_digit(number)
    cuts = (0, 4, 8, 12, 16) if length == 16 else (0, 4, 10, 15)
    return pick("", " ", "-").join(number[a:b] for a, b in pairwise(cuts))


def basic() -> str:
    pair = pick("admin:opensesame", "user:pass1234", "jane.doe:s3cr3t!", "api:0123456789")
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def login_url() -> str:
    user, word = pick("admin", "u.ser", "", "app-1"), pick("hunter2", "p%40ss", "s3cr;et")
    host = pick("example.com", "db.internal:5432/app", "10.0.0.7")
    return f"{pick('https', 'redis', 'postgres', 'mongodb+srv')}://{user}:{word}@{host}"


def webhook() -> str:
    slack = f"hooks.slack.com/services/T{chars(ALNUM, 8)}/B{chars(ALNUM, 8)}/{chars(ALNUM, 24)}"
    discord = f"discord.com/api/webhooks/{chars(string.digits, 18)}/{chars(URL_SAFE, 68)}"
    return f"https://{pick(slack, discord)}"


# Tokens known by their prefix: kind, rule, prefixes, alphabet of the rest, its length.
PREFIXED = [
    ("AWS key id", "aws", "AKIA ASIA", string.ascii_uppercase + "234567", 16),
    ("GitHub token", "github", "ghp_ gho_ ghs_ ghu_", ALNUM, 36),
    ("GitHub fine-grained token", "github", "github_pat_", ALNUM + "_", 82),
    ("GitLab token", "gitlab", "glpat-", URL_SAFE, 20),
    ("npm token", "npm", "npm_", ALNUM, 36),
    ("Google API key", "google", "AIza", URL_SAFE, 35),
    ("Google access token", "google", "ya29.", URL_SAFE, 60),
    ("Google client secret", "google", "GOCSPX-", URL_SAFE, 28),
    ("Stripe secret key", "sk", "sk_live_ sk_test_", ALNUM, 24),
    ("Stripe restricted key", "stripe", "rk_live_", ALNUM, 24),
    ("secret key of this service", "sk", "sk_", URL_SAFE, 43),
    ("OpenAI or Anthropic key", "sk", "sk- sk-proj- sk-ant-api03-", URL_SAFE, 48),
    ("Slack token", "slack", "xoxb- xoxp- xoxa-", string.digits + "-" + ALNUM, 48),
    ("Shopify token", "shopify", "shpat_ shpss_", HEX, 32),
    ("Twilio key", "twilio", "SK", HEX, 32),
]

# Entries known by their key alone: kind, rule, keys, maker of the value.
BY_NAME = [
    ("password by name", "password", "password userPassword PASSWD db.pwd wifi-passphrase login:passcode", password),
    ("another password", "password", "admin_passwort app/contraseña redis_password password2 reset_password", password),
    ("secret by name", "secret", "secret client_secret appSecret totp.secret.value hmac-secret secretKey", opaque),
    ("credentials", "secret", "SECRET_PHRASE credentials userCredential Authorization db_connection_string", opaque),
    ("token by name", "token", "token access_token refreshToken auth-token idToken user:token sessionTokens", opaque),
    ("CSRF and JWT by name", "token", "csrf xsrf-token jwt my.bearer token_v2 show_password_token", opaque),
    ("key by name", "key", "apiKey api_key openai-api-keys APP_KEY accessKey private_key encryption.key", opaque),
    ("another key", "key", "signingKey master-key wallet:key wc@2:core:0.3//keychain auth_key ssh_key", opaque),
    ("session by name", "session", "sessionId session_id PHPSESSID JSESSIONID connect.sid sid session-key", opaque),
    ("another session", "session", "sessionCookie sess_id my:sessionid ASP.NET_SessionId user-sid", opaque),
    ("PIN by name", "pin", "pin user_pin userPin app-pin PIN cvv card.cvv2 cvc pin_code pinCode pinHash", digits(4)),
    ("seed phrase by name", "code", "mnemonic wallet.mnemonic seedPhrase seed_phrase seed-words", seed_phrase),
    ("recovery by name", "code", "recovery_key recoveryCode recovery-phrase totp_seed otpKey 2fa-seed", seed_phrase),
    ("personal number", "personal", "creditCard credit_card_number cardNumber card-num iban user_iban ssn", digits(9)),
    ("PKCE verifier", "sign_in", "code_verifier pkce-state auth.codeVerifier pkce_verifier", opaque),
    ("Firebase", "sign_in", "firebase:authUser:AIx:[DEFAULT] firebase:authEvent:AIx", opaque),
    ("Auth0", "sign_in", "@@auth0spajs@@::Ab12::default::openid @@auth0spajs@@::user", opaque),
    (
        "Cognito",
        "sign_in",
        "CognitoIdentityServiceProvider.1a.LastAuthUser CognitoIdentityServiceProvider.1a.x",
        opaque,
    ),
    ("MSAL", "sign_in", "msal.token.keys msal.1a2b.active-account msal.account.keys", opaque),
    (
        "Okta and OIDC",
        "sign_in",
        "okta-token-storage okta-cache-storage oidc.user:https://id:web kc-callback-1",
        opaque,
    ),
    ("Supabase", "token", "sb-abcdefgh-auth-token sb-abcdefgh-auth-token.0 supabase.auth.token", opaque),
]

NAMED: list[tuple[str, str, Maker]] = [
    ("JSON web token", "jwt", hidden(jwt)),
    ("PEM private key", "private_key", hidden(pem)),
    ("JWK private key", "jwk", jwk),
    ("SendGrid key", "sendgrid", hidden(lambda: f"SG.{chars(URL_SAFE, 22)}.{chars(URL_SAFE, 43)}")),
    ("Slack or Discord webhook", "webhook", hidden(webhook)),
    ("bearer header", "bearer", hidden(lambda: pick("Bearer ", "Authorization: Bearer ") + chars(ALNUM, 32))),
    ("basic header", "basic_auth", hidden(basic)),
    ("password in a URL", "url_password", hidden(login_url)),
    ("payment card number", "card", hidden(card)),
    ("password in JSON", "password_member", member("password userPassword oldPassword passwd db_password", password)),
    ("token in JSON", "token_member", member("token accessToken refresh_token id_token csrfToken", opaque)),
    ("secret in JSON", "secret_member", member("clientSecret secret apiKey api_key privateKey private_key", opaque)),
    ("seed phrase in JSON", "seed_member", member("mnemonic", seed_phrase)),
    *(
        (kind, rule, hidden(lambda p=prefixes, a=alphabet, n=count: words(1, p) + chars(a, n)))
        for kind, rule, prefixes, alphabet, count in PREFIXED
    ),
    *((kind, rule, named(names, make)) for kind, rule, names, make in BY_NAME),
]

# Secrets without a name or a shape of their own: we do not promise them.
UNNAMED: list[tuple[str, Maker]] = [
    ("opaque session without a name", lambda: (pick("s", "u1", "state"), chars(HEX, 32))),
    ("bot token", lambda: (plain_key(), f"{chars(string.digits, 10)}:AA{chars(URL_SAFE, 33)}")),
    ("password in prose", lambda: ("note:3", f"my login is anna and the word is {password()}")),
]
