"""Conflicts, listed with both sides and decided by people, through the HTTP door."""

from typing import Any

import pytest
from django.db import connection

from migration.api import answers
from migration.models import AuditLine, Conflict, Record
from tests.factories.doors import account, at_once, make_tenant
from tests.factories.held import rebuilt, values_of, versions_of
from tests.factories.ops import Writer, line
from tests.integration.records.test_writing import devices, owner

SECRET = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlc2lnbmF0dXJl"
pytestmark = pytest.mark.django_db


def disputed(policy: str = "INTERACTIVE", **columns: Any) -> tuple[Writer, Writer, dict[str, Any]]:
    """Two devices of one owner, and the conflict of what they wrote."""
    one, other = devices(2, conflict_policy=policy, **columns)
    one.write("k", "base")
    one.write("k", "held", base=1)
    other.write("k", "arrived", base=1)
    [conflict] = listed(one)
    return one, other, conflict


def listed(device: Writer, query: str = "") -> list[dict[str, Any]]:
    answer = device.browser.get(f"/conflicts{query}")
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["conflicts"]
    return found


def choose(device: Writer, conflict: dict[str, Any], choice: str, **members: Any) -> Any:
    return device.browser.post(f"/conflicts/{conflict['id']}/resolve", {"choice": choice, **members})


class TestAConflict:
    @pytest.mark.parametrize("policy", ["INTERACTIVE", "AUTO_SKIP", "AUTO_OVERWRITE", "AUTO_MERGE"])
    def test_shows_both_sides_and_what_they_grew_from(self, policy: str) -> None:
        one, other, conflict = disputed(policy)
        assert set(conflict) == set(answers.Conflict.__struct_fields__)
        sides = [conflict[side] for side in ("base", "local", "remote")]
        assert sides == [line("k", "base"), line("k", "arrived"), line("k", "held")]
        loser = one if policy in ("AUTO_OVERWRITE", "AUTO_MERGE") else other
        assert conflict["who"] == loser.browser.device
        assert conflict["why"]
        assert conflict["when"]

    def test_that_waits_shows_what_the_server_holds_now(self) -> None:
        one, other, _ = disputed()
        one.write("k", "newer", base=2)
        [conflict] = listed(other)
        assert (conflict["remote"], conflict["state"]) == (line("k", "newer"), "open")

    def test_is_listed_by_state_and_page(self) -> None:
        one, other, first = disputed()
        other.write("j", "1")
        one.write("j", "2")
        newest, oldest = listed(one)
        assert (oldest["id"], listed(one, f"?before={newest['id']}")) == (first["id"], [oldest])
        assert choose(one, first, "remote").status_code == 200
        assert [found["id"] for found in listed(one, "?state=open")] == [newest["id"]]
        assert one.browser.get("/conflicts?state=lost").status_code == 422


class TestAChoice:
    @pytest.mark.parametrize(
        ("choice", "members", "stands"),
        [("local", {}, "arrived"), ("remote", {}, "held"), ("custom", {"line": line("k", "both")}, "both")],
    )
    @pytest.mark.parametrize("policy", ["INTERACTIVE", "AUTO_SKIP", "AUTO_OVERWRITE", "AUTO_MERGE"])
    def test_stands_is_written_down_and_reaches_everybody(
        self, policy: str, choice: str, members: dict[str, str], stands: str
    ) -> None:
        one, other, conflict = disputed(policy)
        before = owner(one).revision
        decided = choose(one, conflict, choice, **members).json()
        assert (decided["state"], decided["choice"]) == ("decided", choice)
        assert [decided[side] for side in ("base", "local", "remote")] == [
            conflict[side] for side in ("base", "local", "remote")
        ]
        assert values_of(owner(one)) == {"k": stands}
        assert rebuilt(owner(one), before) == {"k": "arrived" if policy in ("AUTO_OVERWRITE", "AUTO_MERGE") else "held"}
        for device in (one, other):
            assert device.changes() == {"k": stands}
        audited = AuditLine.objects.get(action="conflict_decided")
        assert (audited.target, audited.data["choice"]) == (f"conflict {conflict['id']}", choice)

    @pytest.mark.parametrize("choice", ["local", "remote"])
    @pytest.mark.parametrize("policy", ["INTERACTIVE", "AUTO_SKIP", "AUTO_OVERWRITE", "AUTO_MERGE"])
    def test_is_told_to_a_device_that_has_heard_all_before_it(self, policy: str, choice: str) -> None:
        one, other, conflict = disputed(policy)
        heard = owner(one).revision
        assert choose(one, conflict, choice).status_code == 200
        [told] = other.browser.get(f"/records?since={heard}").json()["changes"]
        assert (told["line"], told["cause"], told["own"]) == (conflict[choice], "resolution", False)

    def test_made_again_changes_nothing_even_after_later_writes(self) -> None:
        one, other, conflict = disputed()
        first = choose(one, conflict, "local").json()
        other.write("k", "later", base=3)
        assert choose(one, conflict, "local").json() == first
        assert values_of(owner(one)) == {"k": "later"}
        assert AuditLine.objects.filter(action="conflict_decided").count() == 1

    def test_may_be_made_otherwise_and_back(self) -> None:
        one, _, conflict = disputed("AUTO_OVERWRITE")
        for choice, stands in (("remote", "held"), ("local", "arrived"), ("remote", "held")):
            assert choose(one, conflict, choice).status_code == 200
            assert values_of(owner(one)) == {"k": stands}

    def test_of_the_servers_side_means_what_was_shown(self) -> None:
        one, _, _ = disputed()
        one.write("k", "newer", base=2)
        [conflict] = listed(one)
        assert choose(one, conflict, "remote").json()["remote"] == line("k", "newer")
        assert choose(one, conflict, "local").status_code == 200
        assert choose(one, conflict, "remote").status_code == 200
        assert values_of(owner(one)) == {"k": "newer"}

    def test_decides_its_key(self) -> None:
        one, other, first = disputed()
        other.write("k", "arrived later", base=1)
        [newer, _] = listed(one)
        assert choose(one, newer, "local").status_code == 200
        assert [(found["state"], found["choice"]) for found in listed(one)] == [
            ("decided", "local"),
            ("decided", "other"),
        ]
        assert choose(one, first, "local").status_code == 200, "what was not chosen can still be restored"
        assert values_of(owner(one)) == {"k": "arrived"}

    def test_of_a_deletion_deletes(self) -> None:
        one, other = devices(2, conflict_policy="INTERACTIVE")
        one.write("k", "held")
        other.write("k", None)
        [conflict] = listed(one)
        assert conflict["local"] == '["k"]'
        assert choose(one, conflict, "local").status_code == 200
        assert values_of(owner(one)) == {"k": None}

    def test_may_be_a_value_the_loser_sends_again_later(self) -> None:
        one, other, conflict = disputed()
        assert choose(one, conflict, "local").status_code == 200
        again = other.send({"seq": 1, "line": line("k", "arrived"), "base": 1}).json()["outcomes"][0]
        assert (again["outcome"], again["conflict"]) == ("conflict", conflict["id"])
        assert "line" not in again, "what was sent stands"
        assert len(versions_of(owner(one))) == 2

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({"choice": "mine"}, "invalid_body"),
            ({"choice": "custom"}, "invalid_body"),
            ({"choice": "local", "line": line("k", "x")}, "invalid_body"),
            ({"choice": "custom", "line": line("another", "x")}, "line_form"),
            ({"choice": "custom", "line": "[1]"}, "line_form"),
            ({"choice": "custom", "line": line("k", "x" * 2_000)}, "invalid_body"),
            (
                {
                    "choice": "custom",
                    "line": line("k", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlc2lnbmF0dXJl"),
                },
                "sensitive_item",
            ),
        ],
    )
    def test_that_cannot_be_taken_is_refused(self, body: dict[str, Any], code: str) -> None:
        one, _, conflict = disputed(max_entry_bytes=1_000)
        answer = one.browser.post(f"/conflicts/{conflict['id']}/resolve", body)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
        assert Conflict.objects.get().state == "open"

    def test_of_a_foreign_conflict_is_refused(self) -> None:
        _, _, conflict = disputed()
        stranger = Writer(account(make_tenant(), "user"))
        assert choose(stranger, conflict, "local").status_code == 404
        assert stranger.browser.post(f"/conflicts/{2**70}/resolve", {"choice": "local"}).status_code == 404

    def test_of_a_side_that_is_no_longer_kept_is_refused(self) -> None:
        one, _, conflict = disputed("AUTO_SKIP")
        one.write("k", "newer", base=2)
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM migration_record_version")
        [found] = listed(one)
        assert (found["base"], found["remote"]) == (None, None)
        answer = choose(one, conflict, "remote")
        assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")


@pytest.mark.django_db(transaction=True)
def test_two_people_who_choose_at_once_leave_one_choice_after_the_other() -> None:
    one, _, conflict = disputed()
    answers = at_once(2, lambda number: choose(one, conflict, ("local", "remote")[number]))
    assert [answer.status_code for answer in answers] == [200, 200]
    [found] = listed(one)
    stands = "arrived" if found["choice"] == "local" else "held"
    assert values_of(owner(one)) == {"k": stands}
    assert AuditLine.objects.filter(action="conflict_decided").count() == 2
    revisions = [*Record.objects.values_list("revision", flat=True), *(one.revision for one in versions_of(owner(one)))]
    assert sorted(revisions) == list(range(1, owner(one).revision + 1))
