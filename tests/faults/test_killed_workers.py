"""Workers die, stall and wake at every named point; nobody's data notices."""

import json
import signal
from uuid import uuid4

import pytest

from tests.faults.browser import Browser
from tests.faults.points import FOLDING, LOADING, REPLAYING, ROLLING_BACK, ROLLING_BACK_APPS
from tests.faults.world import RECOVERY, World, until

ENTRIES = 160


def _receipts(world: World, browsers: list[Browser]) -> None:
    world.together(*(browser.migrate for browser in browsers), seconds=200)


class TestWorkerKilled:
    @pytest.mark.parametrize("point", LOADING)
    def test_at_a_named_point(self, world, point):
        browsers = [world.browser(ENTRIES) for _ in range(3)]
        with world.armed(f"{point}:1:kill"), world.recovery(f"worker killed at {point}"):
            _receipts(world, browsers)
            world.await_fired(point)
        world.verify()

    @pytest.mark.parametrize("nth", [2, 3])
    def test_at_a_later_commit(self, world, nth):
        browser = world.browser(6 * 40)  # of six batches one of two workers does three
        with world.armed(f"load.before_commit:{nth}:kill"), world.recovery(f"worker killed at commit {nth}"):
            # Each chunk is let through before the next is sent, so that there are so many batches.
            run = browser.begin()
            for number, chunk in enumerate(browser.cut(run, 40), start=1):
                browser.put(run, chunk)
                until(lambda number=number: world.loaded(run) >= number, "the chunk is loaded", seconds=RECOVERY)
            browser.finish(run)
            world.await_fired("load.before_commit")
        world.verify()

    @pytest.mark.parametrize(
        "point", ["claim.after_commit", "load.entry", "load.before_commit", "verify.before_commit"]
    )
    def test_or_raising_there(self, world, point):
        browsers = [world.browser(ENTRIES) for _ in range(2)]
        with world.armed(f"{point}:1:raise"), world.recovery(f"worker raised at {point}"):
            _receipts(world, browsers)
            world.await_fired(point)
        world.verify()

    def test_at_all_points_in_one_run(self, world):
        deaths = ",".join(f"{point}:1:kill" for point in LOADING)
        browsers = [world.browser(ENTRIES, patience=180.0) for _ in range(3)]
        with world.armed(deaths), world.recovery("a death at every point, one after the other", faults=len(LOADING)):
            _receipts(world, browsers)
            world.await_fired(*LOADING)
        world.verify()

    def test_together_with_the_sweeper_and_all_others(self, world):
        browsers = [world.browser(ENTRIES) for _ in range(3)]

        def kill_all(acked: int) -> None:
            if acked == 2:
                for name in ("worker-0", "worker-1", "sweeper"):
                    world.kill(name)

        with world.recovery("both workers and the sweeper killed"):
            world.together(lambda: browsers[0].migrate(between=kill_all), browsers[1].migrate, browsers[2].migrate)
        world.verify()


class TestWorkerStalled:
    @pytest.mark.parametrize("point", ["claim.after_commit", "load.after_stage", "load.before_commit"])
    def test_wakes_after_its_lease_was_taken_and_writes_nothing(self, world, point):
        browser = world.browser(ENTRIES)
        with world.armed(f"{point}:1:sleep=1"):
            world.stack.stop("worker-1")
            run = browser.begin()
            for chunk in browser.cut(run, 40):
                browser.put(run, chunk)
            world.await_fired(point)
            world.stack.kill("worker-0", signal.SIGSTOP)
            world.stack.start("worker-1")

            with world.recovery(f"worker stalled at {point}"):
                browser.finish(run)
            before = world.seen()
            world.stack.kill("worker-0", signal.SIGCONT)
            world.stack.stop("worker-1")
            # The one that stalled is the only one now: it has woken up when another run gets its receipt.
            other = world.browser(20)
            with world.recovery(f"after the stall at {point}"):
                other.migrate()
            after = world.seen()
            world.stack.start("worker-1")
        mine, then = ({one.key: one for one in seen.records if one.owner == browser.owner} for seen in (after, before))
        assert mine == then
        assert after.runs[run] == before.runs[run]
        world.verify()


class TestPoison:
    def test_that_kills_its_worker_is_set_aside_and_the_rest_lands(self, world):
        """Not once: every process that touches the entry dies of it."""
        victim, neighbour = (world.browser(ENTRIES, patience=180.0) for _ in range(2))
        marker = f"poison{uuid4().hex}"
        victim.store["todo:77"] = marker
        dying = world.armed(f"load.entry:1:kill:{marker}", once=False)
        with dying, world.recovery("a poison entry that kills", faults=5):
            _, statement = world.together(neighbour.migrate, victim.migrate, seconds=200)
        assert statement["quarantined"]["entries"] == 1
        assert statement["stored"]["entries"] == ENTRIES - 1
        [refused] = world.seen().refused
        assert (refused.key, refused.value) == ("todo:77", marker)
        world.verify()

    def test_that_raises_is_set_aside_and_the_rest_lands(self, world):
        browser = world.browser(ENTRIES)
        marker = f"poison{uuid4().hex}"
        browser.store["todo:3"] = marker
        with world.armed(f"load.entry:1:raise:{marker}", once=False), world.recovery("a poison entry that raises"):
            statement = browser.migrate()
        world.verify()
        assert statement["quarantined"]["entries"] + statement["stored"]["entries"] == ENTRIES

    def test_one_bad_entry_in_a_thousand(self, world):
        browser = world.browser(1_000)
        browser.store["todo:500"] = "x" * 30_000
        limit = world.query("SELECT max_entry_bytes FROM migration_app WHERE slug = 'demo'")[0][0]
        world.execute("UPDATE migration_app SET max_entry_bytes = 20000 WHERE slug = 'demo'")
        try:
            with world.recovery("one bad entry in a thousand"):
                statement = browser.migrate(per_chunk=250)
        finally:
            world.execute("UPDATE migration_app SET max_entry_bytes = %s WHERE slug = 'demo'", limit)
        assert (statement["stored"]["entries"], statement["quarantined"]["entries"]) == (999, 1)
        world.verify()


class TestRollback:
    @pytest.mark.parametrize("point", ROLLING_BACK)
    def test_survives_the_death_of_its_worker(self, world, point):
        browser = world.browser(60)
        statement = browser.migrate()
        with world.armed(f"{point}:1:kill"), world.recovery(f"worker killed at {point}"):
            asked = browser.call("POST", f"/runs/{statement['run']}/rollback", json={"idempotency_key": str(uuid4())})
            assert asked.status_code == 202, asked.text
            path = f"/rollbacks/{asked.json()['id']}"
            until(lambda: browser.call("GET", path).json()["state"] == "done", "it is rolled back", seconds=60)
            world.await_fired(point)
        answer = browser.call("GET", path).json()
        assert answer["reverted"] == 60
        seen = world.seen()
        assert {one.value for one in seen.records} == {None}
        assert {one.key: one.value for one in seen.history} == browser.store
        assert seen.revisions[browser.owner] == 120


class TestAppRollback:
    def test_goes_on_exactly_where_each_of_its_workers_died(self, world):
        """At every point; to where nobody was yet, and forth again. An owner went back once, whoever died over it."""
        owners, entries = 6, 5
        aim = _say(world, "point", "--name", "in the beginning")["point"]
        browsers = [world.browser(entries) for _ in range(owners)]
        world.together(*(browser.migrate for browser in browsers))
        # The second owner of a process: one has gone back before.
        deaths = ",".join(
            f"{point}:{2 if point == 'rollback.before_commit' else 1}:kill" for point in ROLLING_BACK_APPS
        )
        with world.armed(deaths), world.recovery("an app's rollback, a death at each point", faults=4):
            rollback = _say(world, "start", "--point", aim)["rollback"]
            assert _once_done(world, rollback, browsers) == [("done",)] * owners
            world.await_fired(*ROLLING_BACK_APPS)
        seen = world.seen()
        for browser in browsers:
            assert {one.value for one in seen.records if one.owner == browser.owner} == {None}
            assert {one.key: one.value for one in seen.history if one.owner == browser.owner} == browser.store
            assert seen.revisions[browser.owner] == 2 * entries

        undo = _say(world, "undo", "--rollback", rollback)["rollback"]
        assert _once_done(world, undo, browsers) == [("done",)] * owners
        seen = world.seen()
        for browser in browsers:
            assert {one.key: one.value for one in seen.records if one.owner == browser.owner} == browser.store
            assert seen.revisions[browser.owner] == 3 * entries


def _say(world, verb, *words):
    return json.loads(world.stack.manage("migration_rollback", verb, "--app", "demo", "--json", *words))


def _once_done(world, rollback, browsers):
    state = "SELECT state FROM migration_approllback WHERE id = %s"
    until(lambda: world.query(state, rollback) == [("done",)], "the app is rolled back", seconds=4 * RECOVERY)
    # Whoever other tests left in the app goes back too.
    states = "SELECT state FROM migration_rollback WHERE app_rollback_id = %s AND owner_id = ANY(%s::uuid[])"
    return world.query(states, rollback, [browser.owner for browser in browsers])


class TestReplay:
    @pytest.mark.parametrize("point", REPLAYING)
    def test_survives_the_death_of_its_worker(self, world, point):
        world.execute("UPDATE migration_app SET max_entry_bytes = 60 WHERE slug = 'demo'")
        browser = world.browser()
        browser.store = {f"todo:{number}": "x" * 90 for number in range(30)}
        browser.migrate()
        world.execute("UPDATE migration_app SET max_entry_bytes = 33554432 WHERE slug = 'demo'")
        with world.armed(f"{point}:1:kill"), world.recovery(f"worker killed at {point}"):
            world.stack.manage("migration_quarantine", "replay", "--app", "demo")
            count = "SELECT count(*) FROM migration_quarantineentry WHERE owner_id = %s AND state = 'replayed'"
            until(lambda: world.query(count, browser.owner) == [(30,)], "all are replayed", seconds=60)
            world.await_fired(point)
        seen = world.seen()
        assert {one.key: one.value for one in seen.records} == browser.store
        assert (seen.history, seen.revisions[browser.owner]) == ([], 30)


class TestFolding:
    @pytest.mark.parametrize("point", FOLDING)
    def test_survives_the_death_of_the_sweeper(self, world, point):
        """Every sample is counted, and counted once."""
        # In the order in which the sweeper locks them: the other way round each could wait for the other.
        world.execute("TRUNCATE migration_schemasample, migration_collectionschema CASCADE")
        browser = world.browser(ENTRIES)
        with world.armed(f"{point}:1:kill"), world.recovery(f"sweeper killed at {point}"):
            browser.migrate()
            folded = "SELECT bool_and(folded) FROM migration_schemasample WHERE owner_id = %s"
            world.await_fired(point)
            until(lambda: world.query(folded, browser.owner) == [(True,)], "all samples are folded", seconds=60)
        [(samples,)] = world.query("SELECT sum(jsonb_array_length(entries)) FROM migration_schemasample")
        [(sampled, types)] = world.query("SELECT sampled, shape->'types' FROM migration_collectionschema")
        assert samples > 0
        assert (sampled, sum(types.values())) == (samples, samples)
        world.verify()
