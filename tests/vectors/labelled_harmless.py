"""The harmless entries in `secrets.json`: everyday data, and names and values near those of secrets."""

import base64
import random

from tests.vectors.labelled_draws import (
    ALNUM,
    HEX,
    URL_SAFE,
    Maker,
    Pair,
    chars,
    compact,
    dice,
    luhn_digit,
    pick,
    words,
)

BAG = """meeting agenda draft call back buy milk oat apples report review naïve café 会议 買い物 заметка список bug fix
trip hotel token ring password manager secret santa basic idea bearer of news task-list risk-free 😀 🎉"""


def text(count: int) -> str:
    return words(count, BAG)


def number(below: int) -> int:
    return dice.randrange(below)


def uuid() -> str:
    digits = "".join(dice.choice(HEX) for _ in range(32))
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def blob() -> str:
    return base64.b64encode(random.Random(dice.random()).randbytes(dice.randint(40, 300))).decode()


def not_a_card() -> str:
    digits = "4" + "".join(dice.choice("0123456789") for _ in range(14))
    return digits + str((int(luhn_digit(digits)) + dice.randint(1, 9)) % 10)


def todo() -> Pair:
    return f"todo:{number(999)}", compact({"id": uuid(), "title": text(6), "order": dice.random() * 1000})


def note() -> Pair:
    return f"note/{uuid()}", compact({"title": text(3), "body": text(60), "updatedAt": 1767225600000 + number(10**9)})


def settings() -> Pair:
    return "settings", compact({"theme": pick("dark", "light"), "lang": pick("sk-SK", "en"), "volume": dice.random()})


def cart() -> Pair:
    item = {"sku": f"SKU-{number(99999):05d}", "price": round(dice.random() * 200, 2)}
    return "cart", compact({"items": [item], "currency": "EUR"})


def plain() -> Pair:
    value = pick(repr(dice.random()), str(1767225600000 + number(10**9)), uuid(), "true", "null")
    return f"meta.{number(99)}", value


def digest() -> Pair:
    return f"etag:{number(99)}", "".join(dice.choice(HEX) for _ in range(dice.choice((32, 40, 64))))


def long_number() -> Pair:
    value = pick(not_a_card(), compact({"id": not_a_card()}), f"no. {not_a_card()}")
    return f"order:{number(99)}", value


def public_key() -> Pair:
    jwk = {"kty": "EC", "crv": "P-256", "x": chars(URL_SAFE, 43), "y": chars(URL_SAFE, 43)}
    pem = f"-----BEGIN PUBLIC KEY-----\n{blob()}\n-----END PUBLIC KEY-----"
    publishable = {"stripe": f"pk_live_{chars(ALNUM, 24)}", "app": f"pk_{chars(ALNUM, 40)}"}
    return "peer", pick(pem, compact(jwk), compact(publishable))


URLS = """http://localhost:3000/?email=a@b.c https://x.com/@anna https://maps.example/@48.85,2.35,12z
https://example.com:8443/a:b@c http://localhost:5173?next=mailto:me@example.com ws://127.0.0.1:8000/ws"""

TRANSLATIONS = [
    {"password": "Password", "token": "Token", "secret": "Secret"},
    {"password": "Passwort", "forgot": "Passwort vergessen?"},
    {"password": "Contraseña", "login": "Entrar"},
    {"password": "Пароль"},
    {"password": "密码", "ok": "好"},
    {"password": "Enter your password", "apiKey": "Paste your API key here"},
    {"password": "required", "mnemonic": "Merkwort"},
]

FORMS = [
    {"password": "", "remember": True},
    {"password": None},
    {"password": "********"},
    {"showPassword": True, "passwordStrength": 3},
    {"token": "keyword", "tokens": ["a", "b"]},
    {"tokenType": "Bearer", "expires_in": 3600},
    {"token": "0x7e5f4552091a69125d5dfcb7b8c2659029395bdf", "chain": 1},
    {"nextPageToken": ""},
]

PROSE = """Bearer of bad news, again
Basic understanding of trees
Basic JavaScript in 2026
Basic training
SKU list and SG. report
the ghp_ prefix marks a token
task-list-of-the-day-2026-01-31
risk-assessment-for-2026-and-on
eyJust text. Nothing. More
AKIA is not enough
AIza
sk-lens-ovladaca
npm_config_cache
xoxo-gossip
-----BEGIN LETTER
desk_number_17_of_the_office_by_the_door
call +49 30 1234 5678 today
2019-2024, 2020-2025
password: ask me
hooks.slack.com is blocked here"""

# Kind, how many, maker.
HARMLESS: list[tuple[str, int, Maker]] = [
    ("todo", 60, todo),
    ("note", 60, note),
    ("settings", 40, settings),
    ("cart", 40, cart),
    ("number, date, id", 30, plain),
    ("data URL", 25, lambda: (f"blob.{number(99)}", f"data:image/png;base64,{blob()}")),
    ("base64 JSON", 15, lambda: ("state", base64.b64encode(compact({"a": text(5)}).encode()).decode())),
    ("long number", 15, long_number),
    ("hash", 15, digest),
    ("public key", 18, public_key),
    ("URL", 20, lambda: ("lastUrl", words(1, URLS))),
    ("translations", 14, lambda: (pick("i18next_res_en-ui", "lang.de"), compact(dice.choice(TRANSLATIONS)))),
    ("form state", 16, lambda: ("form", compact(dice.choice(FORMS)))),
    ("prose", 30, lambda: ("draft", dice.choice(PROSE.splitlines()))),
]

# Names near those of secrets. Not one of these holds any.
LOOK_ALIKES = """
passwordless passwordless_hint_seen showPassword hide_password toggle-password hasPassword forgotPassword
rememberPassword passwordStrength password_policy password-rules passwordVisible password_length passwordExpiry
tokens tokens_count tokenCount token_type tokenExpiry token_expires_at tokenizer tokenized max_tokens maxTokens
token-limit tokenUsage tokenName designToken design-tokens colorToken theme_token selectedToken inputToken outputToken
secretary secretSanta secret_santa secret_level secretly secretariat keyboard keyboardShortcuts monkey hotkey donkey
turkey key keys keyPath publicKey public_key shortcutKey sortKey primary_key foreignKey keyframes keyword lastKey
author authors authorName authority oauth2_provider authProvider isAuthenticated compass passenger passage passive
bypass trespass encompass passed session sessions session_count sessionStart lastSession sidebar side inside residue
aside consider pinned pinnedNotes pin:42 pins pinboard spinner opinion shopping map_pin mapPin spin happiness cardList
cards card_1 flashcards cardStyle ibanez liberian seeds seedling seedData random_seed seed recovery recoveryMode
mnemonics otpSeen cookieConsent cookies cvs cv cvText jwtExplainerSeen bearers csr personal ssnake classname api
apiUrl api_version apikeyboard appearance accessibility
"""

# Harmless entries that are held back all the same: rule, key, value, kind.
FALSE_ALARMS = [
    ("token", "game.player_token", "red", "a piece in a board game"),
    ("password", "passwordManager.collapsed", "true", "a panel of a settings page"),
    ("key", "api_keys", "[]", "the state of a page about keys"),
    ("secret", "secret_door_open", "true", "a level of a game"),
    ("url_password", "draft", "https://user:password@example.com in the manual", "a documentation example"),
]

# The last two: a key is judged by its first 256 code units.
ODD_STRINGS = [
    ("", ""),
    ("__proto__", "\ud800"),
    ("\ud83d", "\udc00eyJ"),
    ("a\nb\x00", "\x00"),
    ("n", "eyJ" * 500),
    ("x" * 252 + "token", "1"),
    ("\U0001f600" * 127 + "x token", "1"),
]
