"""Code unit for code unit: out of a real browser, into Postgres, and back into a fresh profile."""

from collections.abc import Callable
from functools import cache

import pytest

from e2e import corpus
from e2e.conftest import Profile
from e2e.ledger import Ledger
from e2e.pages import AccountPage
from e2e.tenant import Backend

CORPORA = {
    "everything": corpus.everything,
    "one value of 5 MiB": corpus.one_huge,
    "100,000 tiny keys": corpus.many_tiny,
    "a subset": corpus.subset,
}
# Made in the page: what is simple need not travel there.
MADE_THERE = {"100,000 tiny keys": "for (let n = 0; n < 100000; n++) localStorage.setItem(`t${n}`, `${n % 10}`)"}
CASES = [
    pytest.param("chromium", "everything", id="chromium: all code units, traps, 10,000 generated"),
    pytest.param("chromium", "one value of 5 MiB", id="chromium: 5 MiB in one value"),
    # So many keys take minutes where others use the machine too.
    pytest.param("chromium", "100,000 tiny keys", id="chromium: 100,000 tiny keys", marks=pytest.mark.timeout(900)),
    pytest.param("firefox", "a subset", id="firefox: a subset of 200"),
]


@cache
def made(name: str) -> dict[str, str]:
    """Return a corpus; making one takes seconds."""
    return CORPORA[name]()


def assert_same(found: dict[str, str], expected: dict[str, str]) -> None:
    """Compare without handing two storages of 5 MiB to the differ."""
    wrong = [key for key in expected if found.get(key) != expected[key]]
    extra = [key for key in found if key not in expected]
    shown = [(key, expected.get(key, "")[:60], found.get(key, "nothing")[:60]) for key in (wrong + extra)[:10]]
    assert not shown, f"{len(wrong)} differ or lack, {len(extra)} are extra: {shown!r}"


def assert_holds(page: AccountPage, entries: dict[str, str]) -> None:
    """Compare in the page; where that finds a difference, show it."""
    if not page.storage.is_just(entries):
        assert_same(page.storage.read(), entries)
        pytest.fail("the page's digest differs, and what it holds does not")


class TestExactness:
    @pytest.mark.parametrize(("engine", "name"), CASES, indirect=["engine"])
    def test_round_trip(
        self,
        new_profile: Callable[[], Profile],
        account: Callable[..., AccountPage],
        backend: Backend,
        ledger: Ledger,
        name: str,
    ) -> None:
        entries = made(name)
        # Nothing is withheld here: what must travel exactly includes what looks like a secret by chance.
        options = {"allowSensitive": ["*"], "withoutPanel": True, "rescanInterval": 0}
        page = account(new_profile(), **options).prepare()
        if name in MADE_THERE:
            page.page.evaluate(MADE_THERE[name])
        else:
            page.storage.write(entries)
        assert_holds(page, entries)

        page.open()
        result = page.migrate()
        assert (result["ok"], result.get("code"), result["withheld"], result["refused"]) == (True, None, [], [])
        owner = ledger.owner_of_account(backend.user)
        assert_same(ledger.records(owner), entries)
        assert_holds(page, entries)

        fresh = account(new_profile(), **options).open()
        assert fresh.storage.read() == {}
        backup = fresh.call("listBackups")["backups"][0]
        assert backup["entries"] == len(entries)
        restored = fresh.call("restoreBackup", backup["id"])
        assert restored == {"ok": True, "restored": len(entries)}
        assert_holds(fresh, entries)
        assert fresh.page.evaluate("({}).polluted === undefined")


class TestTheCorpus:
    """What the round trip is worth is decided here."""

    def test_holds_what_it_says(self) -> None:
        everything = made("everything")
        assert {chr(unit) for unit in range(0x10000)} <= set(everything)
        assert {chr(unit) for unit in range(0x10000)} <= set(everything.values())
        assert set(corpus.NAMES) <= set(everything)
        assert set(corpus.VALUES) <= set(everything.values())
        assert len(corpus.generated()) == corpus.GENERATED
        assert len(corpus.many_tiny()) == 100_000
        assert len(corpus.subset()) == 200

    def test_fills_the_quota_with_one_value_and_fits_it_elsewhere(self) -> None:
        for name in CORPORA:
            size = sum(corpus.units(key) + corpus.units(value) for key, value in made(name).items())
            assert size == corpus.QUOTA if name == "one value of 5 MiB" else size < corpus.QUOTA

    def test_is_the_same_every_time(self) -> None:
        assert corpus.generated() == corpus.generated()
        assert corpus.one_huge() == made("one value of 5 MiB")
