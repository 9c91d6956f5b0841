"""Writes `secrets.json`: labelled entries that JavaScript and Python must judge alike.

    python tests/vectors/make_secrets.py > tests/vectors/secrets.json

Every secret is made up: random characters of a fixed seed behind the prefix such secrets have. Keys and values
are stored in short pieces (a reader joins them), so that the file itself holds nothing that looks like one.

A case: `secret` says what a human would (the label), `named` whether its kind is one we promise to recognise,
`rule` what the rules must answer. Where label and rule differ, the case records a known limit.
"""

import base64
import json
import random
import string
import sys
from collections.abc import Callable, Iterator

PIECE = 9
PER_KIND = 12
ALNUM = string.ascii_letters + string.digits
URL_SAFE = ALNUM + "-_"

Pair = tuple[str, str]
dice = random.Random(20)


def chars(alphabet: str, count: int) -> str:
    """Return `count` random characters; from ten on there is a digit among the first nine."""
    text = "".join(dice.choice(alphabet) for _ in range(count))
    return text if count < 10 or any(map(str.isdigit, text[:9])) else text[:4] + "7" + text[5:]


def pick(*options: str) -> str:
    return dice.choice(options)


def compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def b64url(value: object) -> str:
    return base64.urlsafe_b64encode(compact(value).encode()).decode().rstrip("=")


def plain_key() -> str:
    return pick("app.state", "note:17", "draft/4", "settings", "cache_3", "lastPage", "persist:root", "user", "data")


def wrapped(secret: str) -> str:
    """Return a value as apps store them, with the secret somewhere inside."""
    return pick(
        secret,
        compact({"v": secret, "at": 1767225600000}),
        compact({"items": [1, {"x": secret}], "open": True}),
        f"see {secret} for more",
        compact(compact({"inner": secret})),
        f"line one\n{secret}\nline three",
    )


def hidden(make: Callable[[], str]) -> Callable[[], Pair]:
    return lambda: (plain_key(), wrapped(make()))


def member(names: str, make: Callable[[], str]) -> Callable[[], Pair]:
    """Return a maker of JSON values with a telling member, some of them JSON within JSON."""

    def build() -> Pair:
        state: object = {"id": dice.randrange(9999), dice.choice(names.split()): make(), "ok": True}
        text = pick(compact(state), json.dumps(state, indent=1), compact({"auth": compact(state)}))
        return pick("app.state", "persist:root", "settings", "user", "profile"), text

    return build


def keyed(names: str, make: Callable[[], str]) -> Callable[[], Pair]:
    listed = iter(names.split() * PER_KIND)
    return lambda: (next(listed), make())


def opaque() -> str:
    return chars(ALNUM, dice.randint(18, 40))


def jwt() -> str:
    head = b64url({"alg": pick("HS256", "RS256", "none"), "typ": "JWT", "kid": chars(ALNUM, 6)})
    return f"{head}.{b64url({'sub': chars(string.digits, 9), 'exp': 1767225600})}.{chars(URL_SAFE, 43)}"


def pem() -> str:
    kind = pick("", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED ")
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{chars(ALNUM, 64)}\n-----END {kind}PRIVATE KEY-----"


def jwk() -> Pair:
    parts = {"kty": "EC", "crv": "P-256", "x": chars(URL_SAFE, 43), "y": chars(URL_SAFE, 43), "d": chars(URL_SAFE, 43)}
    return pick("device", "identity", "e2e"), pick(compact(parts), json.dumps({"jwk": parts}, indent=2), compact(compact(parts)))


def luhn_digit(digits: str) -> str:
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(digits))]
    return str(-sum(number - 9 * (number > 9) for number in doubled) % 10)


def card() -> str:
    start, length = dice.choice([("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("6011", 16), ("34", 15), ("37", 15)])
    digits = start + "".join(dice.choice(string.digits) for _ in range(length - len(start) - 1))
    digits += luhn_digit(digits)
    blank = pick("", " ", "-")
    groups = (4, 8, 12) if length == 16 else (4, 10)
    return blank.join(digits[a:b] for a, b in zip((0, *groups), (*groups, length), strict=True))


def password() -> str:
    return pick("hunter2", "Tr0ub4dor&3", "letmein", "swordfish", "P@ssw0rd!", "correct-horse-9", "qwerty123", "k:9#xq{zz")


def words(count: int) -> str:
    bag = "abandon ability able about above absent absorb abstract absurd abuse access acid zoo zone wrong write".split()
    return " ".join(dice.choice(bag) for _ in range(count))


def basic() -> str:
    pair = pick("admin:opensesame", "user:pass1234", "jane.doe:s3cr3t!", "api:0123456789")
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def login_url() -> str:
    scheme, host = pick("https", "redis", "postgres", "mongodb+srv"), pick("example.com", "db.internal:5432/app", "10.0.0.7")
    return f"{scheme}://{pick('admin', 'u.ser', '', 'app-1')}:{pick('hunter2', 'p%40ss', 's3cr;et')}@{host}"


# kind, rule, maker of one (key, value)
NAMED: list[tuple[str, str, Callable[[], Pair]]] = [
    ("JSON web token", "jwt", hidden(jwt)),
    ("PEM private key", "private_key", hidden(pem)),
    ("JWK private key", "jwk", jwk),
    ("AWS key id", "aws", hidden(lambda: pick("AKIA", "ASIA") + chars(string.ascii_uppercase + "234567", 16))),
    ("GitHub token", "github", hidden(lambda: pick("ghp_", "gho_", "ghs_", "ghu_") + chars(ALNUM, 36))),
    ("GitHub fine-grained token", "github", hidden(lambda: f"github_pat_{chars(ALNUM, 22)}_{chars(ALNUM, 59)}")),
    ("GitLab token", "gitlab", hidden(lambda: "glpat-" + chars(URL_SAFE, 20))),
    ("npm token", "npm", hidden(lambda: "npm_" + chars(ALNUM, 36))),
    ("Google API key", "google", hidden(lambda: "AIza" + chars(URL_SAFE, 35))),
    ("Google access token", "google", hidden(lambda: "ya29." + chars(URL_SAFE, 60))),
    ("Google client secret", "google", hidden(lambda: "GOCSPX-" + chars(URL_SAFE, 28))),
    ("Stripe secret key", "sk", hidden(lambda: pick("sk_live_", "sk_test_") + chars(ALNUM, 24))),
    ("Stripe restricted key", "stripe", hidden(lambda: "rk_live_" + chars(ALNUM, 24))),
    ("own secret key", "sk", hidden(lambda: "sk_" + chars(URL_SAFE, 43))),
    ("OpenAI or Anthropic key", "sk", hidden(lambda: pick("sk-", "sk-proj-", "sk-ant-api03-") + chars(URL_SAFE, 48))),
    ("Slack token", "slack", hidden(lambda: f"{pick('xoxb', 'xoxp', 'xoxa')}-{chars(string.digits, 12)}-{chars(ALNUM, 24)}")),
    ("Slack webhook", "webhook", hidden(lambda: f"https://hooks.slack.com/services/T{chars(ALNUM, 8)}/B{chars(ALNUM, 8)}/{chars(ALNUM, 24)}")),
    ("Discord webhook", "webhook", hidden(lambda: f"https://discord.com/api/webhooks/{chars(string.digits, 18)}/{chars(URL_SAFE, 68)}")),
    ("SendGrid key", "sendgrid", hidden(lambda: f"SG.{chars(URL_SAFE, 22)}.{chars(URL_SAFE, 43)}")),
    ("Shopify token", "shopify", hidden(lambda: pick("shpat_", "shpca_", "shppa_", "shpss_") + chars("0123456789abcdef", 32))),
    ("Twilio key", "twilio", hidden(lambda: "SK" + chars("0123456789abcdef", 32))),
    ("bearer header", "bearer", hidden(lambda: pick("Bearer ", "bearer ") + chars(ALNUM, 32))),
    ("basic header", "basic_auth", hidden(basic)),
    ("password in a URL", "url_password", hidden(login_url)),
    ("payment card number", "card", hidden(card)),
    ("password in JSON", "password_member", member("password userPassword oldPassword passwd db_password", password)),
    ("token in JSON", "token_member", member("token accessToken refresh_token id_token csrfToken", opaque)),
    ("secret in JSON", "secret_member", member("clientSecret secret client_secret apiKey api_key privateKey private_key", opaque)),
    ("seed phrase in JSON", "seed_member", member("mnemonic", lambda: words(12))),
    ("password by name", "password", keyed("password userPassword PASSWD db.pwd wifi-passphrase login:passcode admin_passwort app/contraseña "
     "redis_password password2 reset_password_draft old-password", password)),
    ("secret by name", "secret", keyed("secret client_secret appSecret totp.secret.value hmac-secret secretKey SECRET_PHRASE credentials "
     "userCredential Authorization db_connection_string shared:secrets", opaque)),
    ("token by name", "token", keyed("token access_token refreshToken auth-token idToken user:token csrf xsrf-token jwt my.bearer "
     "sessionTokens token_v2", opaque)),
    ("key by name", "key", keyed("apiKey api_key openai-api-keys APP_KEY accessKey private_key encryption.key signingKey master-key "
     "wallet:key wc@2:core:0.3//keychain auth_key", opaque)),
    ("session by name", "session", keyed("sessionId session_id PHPSESSID JSESSIONID connect.sid sid session-key sessionCookie sess_id "
     "my:sessionid ASP.NET_SessionId user-sid", opaque)),
    ("PIN by name", "pin", keyed("pin user_pin userPin app-pin PIN cvv card.cvv2 cvc pin_code pinCode wallet:pin pinHash",
     lambda: chars(string.digits, 4))),
    ("wallet or one-time code by name", "code", keyed("mnemonic wallet.mnemonic seedPhrase seed_phrase seed-words recovery_key recoveryCode "
     "recovery-phrase totp_seed otpKey mfa_seed 2fa-seed", lambda: words(12))),
    ("personal number by name", "personal", keyed("creditCard credit_card_number cardNumber card-num iban user_iban ssn user.ssn "
     "social_security_number socialSecurity saved:credit-card customer/iban", lambda: chars(string.digits, 9))),
    ("Supabase", "token", lambda: (f"sb-{chars(string.ascii_lowercase, 9)}-auth-token", "base64-" + b64url({"user": chars(ALNUM, 20)}))),
    ("Firebase", "sign_in", lambda: (f"firebase:authUser:{chars(ALNUM, 39)}:[DEFAULT]", compact({"uid": chars(ALNUM, 28)}))),
    ("Auth0", "sign_in", lambda: (f"@@auth0spajs@@::{chars(ALNUM, 32)}::default::openid profile", compact({"body": {"scope": "openid"}}))),
    ("Cognito", "sign_in", lambda: (f"CognitoIdentityServiceProvider.{chars(ALNUM, 26)}.{pick('LastAuthUser', 'clockDrift')}", chars(ALNUM, 20))),
    ("MSAL", "sign_in", lambda: (f"msal.{chars('0123456789abcdef', 8)}.{pick('active-account', 'idtoken.x')}", compact({"homeAccountId": chars(ALNUM, 20)}))),
    ("Okta", "sign_in", lambda: ("okta-token-storage", compact({"scopes": ["openid"]}))),
    ("OIDC client", "sign_in", lambda: (pick("oidc.user:https://id.example.com:web", "kc-callback-" + chars(ALNUM, 36), "okta-cache-storage", "__clerk_client_jwt"),
     compact({"profile": {"sub": chars(ALNUM, 12)}}))),
    ("PKCE", "sign_in", keyed("code_verifier pkce-state auth.codeVerifier pkce_verifier", lambda: chars(URL_SAFE, 43))),
]

# Secrets without a name or a shape of their own: we do not promise them.
UNNAMED: list[tuple[str, Callable[[], Pair]]] = [
    ("opaque session without a name", lambda: (pick("s", "u1", "state"), chars("0123456789abcdef", 32))),
    ("bot token", lambda: (plain_key(), f"{chars(string.digits, 10)}:AA{chars(URL_SAFE, 33)}")),
    ("password in prose", lambda: ("note:3", f"my login is anna and the word is {password()}")),
]  # fmt: skip


def text(count: int) -> str:
    bag = ("meeting agenda draft call back buy milk oat apples report review naïve café 会议 買い物 заметка список bug fix "
           "trip hotel token ring password manager secret santa basic idea bearer of news task-list risk-free 😀 🎉").split()
    return " ".join(dice.choice(bag) for _ in range(count))


def uuid() -> str:
    digits = "".join(dice.choice("0123456789abcdef") for _ in range(32))
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def not_a_card() -> str:
    digits = "4" + "".join(dice.choice(string.digits) for _ in range(14))
    return digits + str((int(luhn_digit(digits)) + dice.randint(1, 9)) % 10)


def blob() -> str:
    return base64.b64encode(dice.randbytes(dice.randint(40, 300))).decode()


HARMLESS: list[tuple[str, int, Callable[[], Pair]]] = [
    ("todo", 60, lambda: (f"todo:{dice.randrange(999)}", compact({"id": uuid(), "title": text(6), "done": False, "order": dice.random() * 1000}))),
    ("note", 60, lambda: (f"note/{uuid()}", compact({"title": text(3), "body": text(60), "updatedAt": 1767225600000 + dice.randrange(10**9)}))),
    ("settings", 40, lambda: ("settings", compact({"theme": pick("dark", "light"), "lang": pick("sk-SK", "en", "cs-CZ"), "volume": dice.random(), "fontSize": 14}))),
    ("cart", 40, lambda: ("cart", compact({"items": [{"sku": f"SKU-{dice.randrange(99999):05d}", "price": round(dice.random() * 200, 2)}], "currency": "EUR"}))),
    ("number", 30, lambda: (f"meta.{dice.randrange(99)}", pick(repr(dice.random()), str(1767225600000 + dice.randrange(10**9)), uuid(), "true", "null"))),
    ("data URL", 25, lambda: (f"blob.{dice.randrange(99)}", f"data:image/png;base64,{blob()}")),
    ("base64 JSON", 15, lambda: ("state", base64.b64encode(compact({"a": text(5)}).encode()).decode())),
    ("long number", 15, lambda: (f"order:{dice.randrange(99)}", pick(not_a_card(), compact({"id": not_a_card()}), f"no. {not_a_card()}"))),
    ("hash", 15, lambda: (f"etag:{dice.randrange(99)}", "".join(dice.choice("0123456789abcdef") for _ in range(dice.choice((32, 40, 64)))))),
    ("public key", 6, lambda: ("peer", f"-----BEGIN PUBLIC KEY-----\n{blob()}\n-----END PUBLIC KEY-----")),
    ("publishable key", 6, lambda: ("config", compact({"stripe": f"pk_live_{chars(ALNUM, 24)}", "app": f"pk_{chars(ALNUM, 40)}"}))),
    ("public JWK", 6, lambda: ("peer", compact({"kty": "EC", "crv": "P-256", "x": chars(URL_SAFE, 43), "y": chars(URL_SAFE, 43)}))),
    ("URL", 20, lambda: ("lastUrl", pick("http://localhost:3000/?email=a@b.c", "https://x.com/@anna", "https://maps.example/@48.85,2.35,12z",
     "https://example.com:8443/a:b@c", "http://localhost:5173?next=mailto:me@example.com", "ws://127.0.0.1:8000/ws"))),
    ("translations", 12, lambda: (pick("i18next_res_en-ui", "lang.de"), compact(dice.choice([
        {"password": "Password", "token": "Token", "secret": "Secret"}, {"password": "Passwort", "forgot": "Passwort vergessen?"},
        {"password": "Contraseña", "login": "Entrar"}, {"password": "Пароль"}, {"password": "密码", "ok": "好"},
        {"password": "Enter your password", "apiKey": "Paste your API key here"}, {"password": "required", "mnemonic": "Merkwort"}])))),
    ("form state", 10, lambda: ("form", compact(dice.choice([
        {"password": "", "remember": True}, {"password": None}, {"password": "********"}, {"showPassword": True, "passwordStrength": 3},
        {"token": "keyword", "tokens": ["a", "b"]}, {"tokenType": "Bearer", "expires_in": 3600}, {"token": "0x" + chars("0123456789abcdef", 40)}, {"nextPageToken": ""}])))),
    ("prose", 20, lambda: ("draft", pick("Bearer of bad news, again", "Basic understanding of trees", "Basic JavaScript in 2026", "SKU list and SG. report",
     "the ghp_ prefix marks a token", "task-list-of-the-day-2026-01-31", "risk-assessment-for-2026-and-on", "eyJust text. Nothing. More",
     "AKIA is not enough", "AIza", "sk-lens-ovladaca", "npm_config_cache", "xoxo-gossip", "-----BEGIN LETTER", "desk_number_17_of_the_office_by_the_door",
     "call +49 30 1234 5678 today", "2019-2024, 2020-2025", "password: ask me", "Basic training", "hooks.slack.com is blocked here"))),
]

# Names near those of secrets. Not one of these holds any.
LOOK_ALIKES = """
passwordless passwordless_hint_seen showPassword hide_password toggle-password hasPassword forgotPassword rememberPassword
passwordStrength password_policy password-rules passwordVisible password_length passwordExpiry passwordExpires
tokens tokens_count tokenCount token_type tokenExpiry token_expires_at tokenizer tokenized max_tokens maxTokens
token-limit tokenUsage tokenName designToken design-tokens colorToken theme_token selectedToken inputToken outputToken
secretary secretSanta secret_santa secret_level secretly secretariat keyboard keyboardShortcuts monkey hotkey donkey turkey
key keys keyPath publicKey public_key shortcutKey sortKey primary_key foreignKey keyframes keyword lastKey
author authors authorName authority oauth2_provider authProvider isAuthenticated compass passenger passage passive bypass
trespass encompass passed session sessions session_count sessionStart lastSession sidebar side inside residue aside consider
pinned pinnedNotes pin:42 pins pinboard spinner opinion shopping map_pin mapPin spin happiness cardList cards card_1 flashcards cardStyle
ibanez liberian seeds seedling seedData random_seed seed recovery recoveryMode mnemonics otpSeen cookieConsent cookies
cvs cv cvText jwtExplainerSeen bearers csr personal ssnake classname api apiUrl api_version apikeyboard appearance accessibility
""".split()

# Harmless entries we do hold back, and why nobody has taught the rules better yet.
FALSE_ALARMS: list[tuple[str, str, str, str]] = [
    ("token", "game.player_token", "red", "a piece in a board game"),
    ("password", "passwordManager.collapsed", "true", "a panel of a settings page"),
    ("key", "api_keys", "[]", "the state of a page about keys"),
    ("secret", "secret_door_open", "true", "a level of a game"),
    ("url_password", "draft", "https://user:password@example.com in the manual", "a documentation example"),
]  # fmt: skip


def cases() -> Iterator[dict[str, object]]:
    for kind, rule, make in NAMED:
        for _ in range(PER_KIND):
            yield case(kind, *make(), rule=rule, secret=True, named=True)
    for kind, make in UNNAMED:
        for _ in range(PER_KIND):
            yield case(kind, *make(), rule=None, secret=True, named=False)
    for kind, count, make in HARMLESS:
        for _ in range(count):
            yield case(kind, *make(), rule=None, secret=False, named=False)
    for key in LOOK_ALIKES:
        yield case("look-alike name", key, pick("true", "3", "[]", text(2)), rule=None, secret=False, named=False)
    for rule, key, value, kind in FALSE_ALARMS:
        yield case(kind, key, value, rule=rule, secret=False, named=False)
    for key, value in (("", ""), ("__proto__", "\ud800"), ("\ud83d", "\udc00eyJ"), ("a\nb\x00", "\x00"), ("n", "eyJ" * 500)):
        yield case("odd strings", key, value, rule=None, secret=False, named=False)


def case(kind: str, key: str, value: str, *, rule: str | None, secret: bool, named: bool) -> dict[str, object]:
    return {"kind": kind, "secret": secret, "named": named, "rule": rule, "key": pieces(key), "value": pieces(value)}


def pieces(whole: str) -> list[str]:
    return [whole[at : at + PIECE] for at in range(0, len(whole), PIECE)]


def document() -> str:
    """Return the file's whole text; the same on every call in a fresh interpreter."""
    lines = ",\n".join(json.dumps(each, separators=(",", ":")) for each in cases())
    about = "Join the pieces of key and value. rule: what both detectors must answer (null: nothing). Made by make_secrets.py."
    return f'{{"about":{json.dumps(about)},\n"cases":[\n{lines}\n]}}\n'


if __name__ == "__main__":
    sys.stdout.write(document())
