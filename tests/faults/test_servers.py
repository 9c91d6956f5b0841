"""Redis, Postgres and the web server go down, come back, or lose their memory, while browsers upload."""

import signal
import threading
from uuid import uuid4

import pytest

from tests.faults.browser import Browser
from tests.faults.points import INTAKE
from tests.faults.world import World, until

ENTRIES = 240
OK = {200, 201}


def _refusals(browser: Browser) -> set[int]:
    """What PUTs were answered with beside success and silence."""
    return set(browser.status_of_puts()) - OK - {0}


class TestRedis:
    @pytest.mark.parametrize("when", [1, 3, 6])
    def test_flushed_loses_nothing(self, world, when):
        browsers = [world.browser(ENTRIES) for _ in range(2)]
        flush = lambda acked: world.flush_redis() if acked == when else None  # noqa: E731
        with world.recovery(f"Redis flushed after chunk {when}"):
            world.together(lambda: browsers[0].migrate(between=flush), browsers[1].migrate)
        world.verify()

    def test_flushed_after_everything_was_sent_loses_nothing(self, world):
        browser = world.browser(ENTRIES)
        run = browser.begin()
        for chunk in browser.cut(run, 20):
            browser.put(run, chunk)
            world.flush_redis()
        with world.recovery("Redis flushed after every chunk"):
            browser.finish(run)
        world.verify()

    def test_down_does_not_keep_uploads_from_being_acknowledged(self, world):
        browsers = [world.browser(ENTRIES, timeout=60.0) for _ in range(2)]
        with world.down("redis"):
            runs = [browser.begin() for browser in browsers]
            for browser, run in zip(browsers, runs, strict=True):
                for chunk in browser.cut(run, 40):
                    assert browser.put_once(run, chunk).status_code == 201
        with world.recovery("Redis down during the upload"):
            world.together(*(lambda b=b, r=r: b.finish(r) for b, r in zip(browsers, runs, strict=True)))
        assert not any(_refusals(browser) for browser in browsers)
        world.verify()

    def test_killed_and_restarted_loses_nothing(self, world):
        browser = world.browser(ENTRIES)
        with world.recovery("Redis killed"):
            browser.migrate(between=lambda acked: world.kill("redis") if acked == 2 else None)
        assert not _refusals(browser)
        world.verify()


class TestPostgres:
    def test_loses_backends_in_the_middle_of_batches(self, world):
        browsers = [world.browser(ENTRIES) for _ in range(3)]
        done, ended = threading.Event(), []

        def end_backends() -> None:
            while not done.wait(0.05):
                ended.extend(range(world.end_backends("worker")))

        def upload() -> None:
            try:
                runs = [browser.begin() for browser in browsers]
                for browser, run in zip(browsers, runs, strict=True):
                    before = len(ended)
                    for chunk in browser.cut(run, 20):
                        browser.put(run, chunk)
                    # However fast the machine: a worker that has these chunks has been cut off by now.
                    until(lambda before=before: len(ended) > before, "a worker's backend is ended")
            finally:
                done.set()
            with world.recovery("workers' backends ended again and again"):
                world.together(*(lambda b=b, r=r: b.finish(r) for b, r in zip(browsers, runs, strict=True)))

        world.together(end_backends, upload)
        world.verify()

    def test_loses_the_backends_of_the_web_server(self, world):
        browser = world.browser(ENTRIES)
        with world.recovery("the web server's backends ended twice"):
            browser.migrate(between=lambda acked: world.end_backends("web") if acked in (2, 4) else None)
        assert _refusals(browser) <= {503}
        world.verify()

    @pytest.mark.parametrize(
        ("number", "name"), [(signal.SIGKILL, "killed"), (signal.SIGQUIT, "stopped at once")], ids=["kill", "immediate"]
    )
    def test_keeps_every_acknowledged_chunk(self, world, number, name):
        browsers = [world.browser(ENTRIES) for _ in range(2)]
        hurt = lambda acked: world.kill("postgres", number) if acked in (2, 4) else None  # noqa: E731
        with world.recovery(f"Postgres {name} twice"):
            world.together(lambda: browsers[0].migrate(between=hurt), browsers[1].migrate)
        assert all(_refusals(browser) <= {503} for browser in browsers)
        world.verify()

    def test_down_is_503_with_retry_after_and_everything_goes_on(self, world):
        browser = world.browser(ENTRIES, timeout=60.0)
        run = browser.begin()
        first, *rest = browser.cut(run, 40)
        browser.put(run, first)
        with world.down("postgres", signal.SIGQUIT):
            answer = browser.put_once(run, rest[0])
            assert answer.status_code == 503, answer.text
            assert answer.json()["code"] == "unavailable"
            assert int(answer.headers["Retry-After"]) >= 1
        with world.recovery("Postgres down during the upload"):
            for chunk in rest:
                browser.put(run, chunk)
            browser.finish(run)
        world.verify()

    def test_down_while_a_batch_is_at_work_leaves_no_half_of_it(self, world):
        browser = world.browser(ENTRIES)
        with world.armed("load.before_commit:1:sleep=1"):
            run = browser.begin()
            for chunk in browser.cut(run, 40):
                browser.put(run, chunk)
            world.await_fired("load.before_commit")
            world.kill("postgres", signal.SIGQUIT)
            with world.recovery("Postgres stopped at once under a batch"):
                browser.finish(run)
        world.verify()


class TestWebServer:
    @pytest.mark.parametrize("point", INTAKE)
    def test_killed_at_a_named_point_answers_the_retry_as_if_nothing_had_been(self, world, point):
        browser = world.browser(ENTRIES)
        with world.armed(f"{point}:2:kill"), world.recovery(f"web killed at {point}"):
            browser.migrate()
            world.await_fired(point)
        assert 0 in browser.status_of_puts()
        world.verify()

    def test_answers_a_repeated_chunk_with_the_same_words(self, world):
        browser = world.browser(40)
        run = browser.begin()
        [chunk] = browser.cut(run, 40)
        answers = [browser.put(run, chunk) for _ in range(5)]
        browser.finish(run)
        assert [answer.status_code for answer in answers] == [201, 200, 200, 200, 200]
        assert {answer.content for answer in answers} == {answers[0].content}
        world.verify()

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["TERM", "KILL"])
    def test_ends_in_the_middle_of_uploads(self, world, number):
        browsers = [world.browser(ENTRIES) for _ in range(3)]
        end = lambda acked: world.kill("web", number) if acked == 3 else None  # noqa: E731
        with world.recovery(f"daphne ended by signal {number}"):
            world.together(lambda: browsers[0].migrate(between=end), *(one.migrate for one in browsers[1:]))
        assert not any(_refusals(browser) for browser in browsers)
        world.verify()


class TestBell:
    def test_delivered_ten_times_is_heard_once(self, world):
        browsers = [world.browser(ENTRIES) for _ in range(3)]
        with world.recovery("the bell delivered ten times after every chunk"):
            world.together(*(lambda b=b: b.migrate(between=lambda _acked: world.ring(10)) for b in browsers))
        world.verify()

    def test_never_delivered_is_made_up_for_by_the_sweeper(self, world):
        browser = world.browser(ENTRIES)
        run = browser.begin()
        with world.down("redis"):
            for chunk in browser.cut(run, 40):
                browser.put(run, chunk)
        world.flush_redis()
        with world.recovery("no bell at all"):
            browser.finish(run)
        world.verify()

    def test_two_sweepers_at_once_do_what_one_does(self, world):
        browsers = [world.browser(ENTRIES) for _ in range(2)]
        sweep = lambda: world.stack.manage("migration_sweeper", "--once")  # noqa: E731
        with world.recovery("three sweepers at once"):
            world.together(sweep, sweep, *(browser.migrate for browser in browsers))
        world.verify()


def test_a_run_id_is_created_once_however_often_it_is_asked_for(world: World):
    browser = world.browser(20, timeout=60.0)
    run = str(uuid4())
    body = {"id": run, "purpose": "migrate", "manifest": browser.manifest(), "options": {}}
    browser.call("GET", "/runs")
    answers = world.together(*(lambda: browser.once("POST", "/runs", json=body) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert len(browser.call("GET", "/runs").json()["runs"]) == 1
