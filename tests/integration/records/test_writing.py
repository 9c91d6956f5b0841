"""What becomes of a device's ops, asked through the HTTP door."""

import json
from typing import Any

import pytest
from django.utils import timezone

from migration.api import answers
from migration.models import CollectionSchema, Conflict, Device, Owner, Record
from tests.factories.doors import Tenant, account, make_tenant, owner_of
from tests.factories.held import losers_of, rebuilt, records_of, values_of, versions_of
from tests.factories.loads import give_receipt
from tests.factories.ops import Writer, line

pytestmark = pytest.mark.django_db

HARD = {"\ud800": "\udfff", "\x00": "\x00", "": "", "__proto__": '{"a": 1}', "hello": '"hello"', "\U0001f600": "1e400"}


def devices(count: int, tenant: Tenant | None = None, **columns: Any) -> list[Writer]:
    tenant = tenant or make_tenant(**columns)
    return [Writer(account(tenant, "user")) for _ in range(count)]


def owner(writer: Writer) -> Owner:
    return Owner.objects.get(devices__key=writer.browser.device)


class TestAnOp:
    def test_is_held_code_unit_for_code_unit_and_read_back_so(self) -> None:
        [device] = devices(1)
        for key, value in HARD.items():
            assert device.write(key, value)["outcome"] == "accepted"
        assert values_of(owner(device)) == HARD
        assert device.changes() == HARD

    def test_names_the_revision_it_was_given(self) -> None:
        [device] = devices(1)
        answer = device.send(device.op("a", "1"), device.op("b", "2")).json()
        assert [one["revision"] for one in answer["outcomes"]] == [1, 2]
        assert (answer["revision"], owner(device).revision) == (2, 2)

    def test_that_changes_a_record_leaves_what_was_there_in_history(self) -> None:
        [device] = devices(1)
        device.write("k", "old")
        assert device.write("k", "new", base=1) == {"seq": 2, "outcome": "accepted", "revision": 2}
        assert [(one.value, one.revision, one.until) for one in versions_of(owner(device))] == [("old", 1, 2)]
        assert rebuilt(owner(device), 1) == {"k": "old"}

    def test_that_deletes_leaves_a_tombstone_others_hear_of(self) -> None:
        one, other = devices(2)
        one.write("k", "v")
        assert one.write("k", None, base=1)["outcome"] == "accepted"
        assert other.changes(since=1) == {"k": None}

    def test_sent_again_is_answered_alike_and_changes_nothing(self) -> None:
        [device] = devices(1)
        ops = [device.op("a", "1"), device.op("b", "2"), device.op("token", "x")]
        first = device.send(*ops)
        again = device.send(*ops)
        assert (again.status_code, again.json()) == (200, first.json())
        assert owner(device).revision == 2
        assert versions_of(owner(device)) == []

    def test_of_an_older_number_arriving_late_is_dropped(self) -> None:
        [device] = devices(1)
        older, newer = device.op("k", "older"), device.op("k", "newer")
        device.send(newer)
        assert device.send(older).json()["outcomes"] == [{"seq": 1, "outcome": "accepted", "revision": None}]
        assert values_of(owner(device)) == {"k": "newer"}

    def test_overtaken_in_its_own_batch_is_dropped(self) -> None:
        [device] = devices(1)
        outcomes = device.send(device.op("k", "older"), device.op("k", "newer")).json()["outcomes"]
        assert [one["revision"] for one in outcomes] == [None, 1]
        assert values_of(owner(device)) == {"k": "newer"}

    def test_arriving_in_a_batch_out_of_order_is_judged_by_its_number(self) -> None:
        [device] = devices(1)
        ops = [device.op("k", "older"), device.op("j", "1"), device.op("k", "newer")]
        assert device.send(*reversed(ops)).status_code == 200
        assert values_of(owner(device)) == {"k": "newer", "j": "1"}


class TestABadOp:
    @pytest.mark.parametrize(
        ("bad", "reason"),
        [
            ('["k" ,"v"]', "line_form"),
            ('["k"', "line_form"),
            ("[]", "line_form"),
            (line("api_token", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlc2lnbmF0dXJl"), "sensitive_item"),
            (line("big", "x" * 2_000), "entry_too_large"),
            (line("count:1", "many"), "type_mismatch"),
        ],
    )
    def test_is_refused_alone_and_nothing_of_it_is_kept(self, bad: str, reason: str) -> None:
        collections = [{"name": "count", "patterns": ["count:*"], "type": "number"}]
        [device] = devices(1, max_entry_bytes=1_000, collections=collections)
        good = device.op("good", "1")
        device.seq += 1
        told = device.send(good, {"seq": device.seq, "line": bad}).json()["outcomes"]
        assert [one["outcome"] for one in told] == ["accepted", "refused"]
        assert told[1]["reason"] == reason
        assert told[1]["detail"]
        assert values_of(owner(device)) == {"good": "1"}

    def test_that_does_not_fit_a_pinned_schema_is_refused(self) -> None:
        [device] = devices(1, collections=[{"name": "todo", "patterns": ["todo:*"]}])
        assert device.write("todo:1", "[]")["outcome"] == "accepted"
        now = timezone.now()
        columns = {"collection": "todo", "pinned": '{"type": "object"}', "version": 1}
        CollectionSchema.objects.create(app=owner(device).app, created_at=now, updated_at=now, **columns)
        assert device.write("todo:2", "[]")["reason"] == "schema_mismatch"
        assert device.write("todo:2", "{}")["outcome"] == "accepted"
        assert values_of(owner(device)) == {"todo:1": "[]", "todo:2": "{}"}


class TestTwoDevices:
    def test_do_not_dispute_where_the_second_knew_of_the_first(self) -> None:
        one, other = devices(2)
        first = one.write("k", "1")
        assert other.write("k", "2", base=first["revision"])["outcome"] == "accepted"
        assert losers_of(owner(one)) == []

    def test_that_say_the_same_do_not_dispute(self) -> None:
        one, other = devices(2)
        one.write("k", "1")
        assert other.write("k", "1") == {"seq": 1, "outcome": "accepted", "revision": 1}
        assert losers_of(owner(one)) == []

    @pytest.mark.parametrize(
        ("policy", "stands", "loser", "winner", "state"),
        [
            ("INTERACTIVE", "one", "two", "none", "open"),
            ("AUTO_SKIP", "one", "two", "server", "decided"),
            ("AUTO_OVERWRITE", "two", "one", "arriving", "decided"),
            ("AUTO_MERGE", "two", "one", "arriving", "decided"),
        ],
    )
    def test_are_judged_by_the_policy_and_the_loser_is_kept(
        self, policy: str, stands: str, loser: str, winner: str, state: str
    ) -> None:
        one, other = devices(2, conflict_policy=policy)
        one.write("k", "one")
        op = other.op("k", "two")
        told = other.send(op).json()["outcomes"][0]
        assert (told["outcome"], told["policy"]) == ("conflict", policy)
        assert told.get("line") == (line("k", "one") if stands == "one" else None)
        assert values_of(owner(one)) == {"k": stands}
        assert losers_of(owner(one)) == [("k", loser, winner)]
        conflict = Conflict.objects.get()
        assert (conflict.id, conflict.state) == (told["conflict"], state)
        assert other.send(op).json()["outcomes"] == [told], "a lost answer is given again"
        assert Conflict.objects.count() == 1

    def test_are_judged_by_the_policy_of_the_collection(self) -> None:
        collections = [{"name": "draft", "patterns": ["draft:*"], "conflict_policy": "AUTO_SKIP"}]
        one, other = devices(2, conflict_policy="AUTO_OVERWRITE", collections=collections)
        for key in ("draft:1", "note"):
            one.write(key, "one")
            other.write(key, "two")
        assert values_of(owner(one)) == {"draft:1": "one", "note": "two"}

    def test_a_repeated_op_does_not_come_back_over_what_was_written_since(self) -> None:
        one, other = devices(2, conflict_policy="AUTO_OVERWRITE")
        lost = one.op("k", "one")
        told = one.send(lost).json()
        other.write("k", "two", base=1)
        assert one.send(lost).json()["outcomes"] == told["outcomes"]
        assert values_of(owner(one)) == {"k": "two"}

    def test_a_repeated_op_that_said_the_same_as_another_device_does_not_come_back_either(self) -> None:
        one, other = devices(2, conflict_policy="AUTO_OVERWRITE")
        other.write("k", "same")
        lost = one.op("k", "same")
        told = one.send(lost).json()["outcomes"]
        other.write("k", "two", base=1)
        assert one.send(lost).json()["outcomes"] == told
        assert values_of(owner(one)) == {"k": "two"}

    def test_a_device_that_missed_anothers_change_disputes_although_it_wrote_last(self) -> None:
        one, other = devices(2)
        one.write("k", '{"a":1,"b":1}')
        other.write("k", '{"a":1,"b":2}', base=1)
        merged = one.write("k", '{"a":2,"b":1}', base=1)
        assert merged["line"] == line("k", '{"a":2,"b":2}')
        again = one.write("k", '{"a":3,"b":1}', base=1)
        assert (again["outcome"], again["line"]) == ("merged", line("k", '{"a":3,"b":2}'))

    def test_a_repeated_op_that_lost_is_told_so_although_the_same_words_had_lost_before(self) -> None:
        one, other = devices(2)
        one.write("k", "v")
        one.write("k", None, base=1)
        other.write("k", "edited")
        lost = one.op("k", None)
        told = one.send(lost).json()["outcomes"]
        assert (told[0]["outcome"], told[0]["line"]) == ("conflict", line("k", "edited"))
        assert one.send(lost).json()["outcomes"] == told


class TestMerging:
    BASE = '{"a":1,"b":[1],"c":{"x":1,"y":2},"gone":0}'

    def outcome(self, held: str | None, arriving: str | None, **columns: Any) -> tuple[dict[str, Any], Owner]:
        one, other = devices(2, **columns)
        one.write("k", self.BASE)
        other.changes()
        for device in Device.objects.filter(owner=owner(one)):
            give_receipt(device)
        one.write("k", held, base=1)
        op = other.op("k", arriving, base=1)
        told = other.send(op).json()["outcomes"][0]
        assert other.send(op).json()["outcomes"][0] == told, "a lost answer is given again"
        return told, owner(one)

    def test_takes_the_members_each_side_changed(self) -> None:
        told, owner = self.outcome(
            '{"a":2,"b":[1],"c":{"x":9,"y":2},"gone":0}', '{"a":1,"b":[1,2],"c":{"x":1,"y":8},"new":1}'
        )
        assert told["outcome"] == "merged"
        assert values_of(owner) == {"k": '{"a":2,"b":[1,2],"c":{"x":9,"y":8},"new":1}'}
        assert told["line"] == line("k", '{"a":2,"b":[1,2],"c":{"x":9,"y":8},"new":1}')
        assert losers_of(owner) == [], "nothing was lost"

    @pytest.mark.parametrize(("stage", "value"), [("dual_write", 3), ("server_primary", 2)])
    def test_gives_a_tie_to_whom_the_stage_says_and_keeps_the_loser(self, stage: str, value: int) -> None:
        held, arriving = self.BASE.replace('"a":1', '"a":2'), self.BASE.replace('"a":1', '"a":3').replace("[1]", "[]")
        told, owner = self.outcome(held, arriving, stage=stage)
        assert told["outcome"] in ("merged", "conflict")
        assert json.loads(values_of(owner)["k"] or "") == {**json.loads(arriving), "a": value}
        loser, winner = (held, "arriving") if value == 3 else (arriving, "server")
        assert losers_of(owner) == [("k", loser, winner)]

    def test_lets_an_edit_beat_a_delete(self) -> None:
        told, owner = self.outcome(None, '{"a":5}')
        assert (told["outcome"], values_of(owner), losers_of(owner)) == (
            *("conflict", {"k": '{"a":5}'}),
            [("k", None, "arriving")],
        )
        told, owner = self.outcome('{"a":5}', None)
        assert (told["outcome"], values_of(owner), losers_of(owner)) == (
            *("conflict", {"k": '{"a":5}'}),
            [("k", None, "server")],
        )

    @pytest.mark.parametrize("odd", ['{"a":1,"a":2}', '{"a":1e400}', "[1]", "text", '{"a":"\\ud800"}'])
    def test_does_not_touch_what_would_not_survive_it(self, odd: str) -> None:
        told, owner = self.outcome('{"a":2}', odd)
        assert (told["outcome"], values_of(owner)) == ("conflict", {"k": odd})
        assert losers_of(owner) == [("k", '{"a":2}', "arriving")]

    def test_keeps_every_byte_of_what_only_one_side_touched(self) -> None:
        one, other = devices(2)
        one.write("k", '{"n": 1.50, "big":12345678901234567890,"t":1}')
        one.write("k", '{"n": 1.50, "big":12345678901234567890,"t":2}', base=1)
        told = other.write("k", '{"n": 1.50, "big":12345678901234567890,"t":1,"u":-0}', base=1)
        assert told["line"] == line("k", '{"n":1.50,"big":12345678901234567890,"t":2,"u":-0}')


class TestARequest:
    def test_is_refused_whole_while_dual_write_is_off(self) -> None:
        [device] = devices(1, stage="off")
        answer = device.send(device.op("k", "v"))
        assert (answer.status_code, answer.json()["code"], answer.json()["stage"]) == (409, "wrong_state", "off")
        assert Record.objects.count() == 0

    def test_of_an_older_fence_is_refused_and_a_newer_one_kept(self) -> None:
        [device] = devices(1)
        device.browser.extra["Migration-Fence"] = "5"
        assert device.send(device.op("k", "v")).status_code == 200
        assert Device.objects.get(key=device.browser.device).fence == 5
        device.browser.extra["Migration-Fence"] = "4"
        answer = device.send(device.op("k", "w"))
        assert (answer.status_code, answer.json()["code"]) == (423, "fence_superseded")
        assert values_of(owner(device)) == {"k": "v"}

    def test_under_an_older_epoch_is_refused(self) -> None:
        [device] = devices(1)
        device.write("k", "v")
        Owner.objects.update(epoch=7)
        device.browser.extra["Migration-Epoch"] = "1.1"
        answer = device.send(device.op("k", "w"))
        assert (answer.status_code, answer.json()["code"]) == (409, "stale_epoch")

    def test_of_another_timeline_is_refused(self) -> None:
        [device] = devices(1)
        told = device.send(device.op("k", "v")).json()["timeline"]
        assert device.send(device.op("k", "w", base=1), timeline=told).status_code == 200
        answer = device.send(device.op("k", "x", base=2), timeline="before")
        assert (answer.status_code, answer.json()["code"], answer.json()["timeline"]) == (409, "timeline_changed", told)
        assert values_of(owner(device)) == {"k": "w"}

    @pytest.mark.parametrize(
        "ops",
        [
            [],
            [{"seq": 1, "line": "[]"}] * 2,
            [{"seq": -1, "line": "[]"}],
            [{"seq": 1}],
            [{"seq": 1, "line": "[]", "base": "1"}],
            [{"seq": number, "line": "[]"} for number in range(501)],
        ],
    )
    def test_that_is_not_as_described_is_refused_whole(self, ops: list[Any]) -> None:
        [device] = devices(1)
        answer = device.send(*ops)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_body")

    def test_may_be_larger_only_with_a_single_op(self) -> None:
        [device] = devices(1)
        half = "x" * 600_000
        assert device.send(device.op("a", half), device.op("b", half)).status_code == 413
        assert device.write("a", half * 3)["outcome"] == "accepted"

    def test_beyond_a_quota_stores_nothing(self) -> None:
        [device] = devices(1, limits={"account_entries_per_day": 3})
        assert device.send(*(device.op(str(number), "v") for number in range(3))).status_code == 200
        answer = device.send(device.op("more", "v"))
        assert (answer.status_code, answer.json()["code"]) == (429, "over_quota")
        assert len(records_of(owner(device))) == 3

    def test_needs_a_device(self) -> None:
        [device] = devices(1)
        device.browser.device = None
        assert device.send(device.op("k", "v")).status_code == 422


class TestChanges:
    def test_say_which_are_the_devices_own_and_what_caused_them(self) -> None:
        one, other = devices(2)
        one.write("mine", "1")
        other.write("theirs", "2")
        page = one.browser.get("/records?since=0").json()
        assert set(page) == set(answers.ChangePage.__struct_fields__)
        assert [(one["own"], one["cause"]) for one in page["changes"]] == [(True, "op"), (False, "op")]
        assert (page["revision"], page["until"], page["more"]) == (2, 2, False)

    def test_of_another_timeline_are_refused(self) -> None:
        [device] = devices(1)
        answer = device.browser.get("/records?since=0&timeline=before")
        assert (answer.status_code, answer.json()["code"]) == (409, "timeline_changed")

    def test_from_before_the_horizon_are_refused_but_not_from_the_beginning(self) -> None:
        [device] = devices(1)
        device.write("k", "v")
        Owner.objects.update(horizon=1, revision=3)
        assert device.browser.get("/records?since=0").status_code == 200
        assert device.browser.get("/records?since=1").status_code == 200
        Owner.objects.update(horizon=2)
        answer = device.browser.get("/records?since=1")
        assert (answer.status_code, answer.json()["code"]) == (410, "cursor_expired")
        told = device.browser.get("/records?since=1&forgetful=1")
        assert (told.status_code, told.json()["changes"]) == (200, [])

    def test_are_of_one_owner(self) -> None:
        tenant = make_tenant()
        one, other = Writer(account(tenant, "one")), Writer(account(tenant, "other"))
        one.write("k", "v")
        assert other.changes() == {}
        assert owner_of(one.browser, tenant).id != owner_of(other.browser, tenant).id
