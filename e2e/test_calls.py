"""Every call of the SDK against the real server: the shapes both sides promise are one and the same."""

from typing import Any

import pytest

from e2e.conftest import Profile
from e2e.ledger import Ledger
from e2e.pages import AccountPage
from e2e.tenant import Backend, Tenant
from e2e.waiting import until
from e2e.watch import Watch
from syncserver.stack import Stack

ENTRIES = {f"note:{n}": f'{{"n":{n}}}' for n in range(20)}
OPTIONS = {"withoutPanel": True, "rescanInterval": 0}
# Asked through the seven services, as a page would that was written for them.
_THROUGH_FACADES = """async ([options, token]) => {
    const services = await import('/sdk/migration-compat.js');
    services.configure({ ...options, token: () => token });
    const heard = [];
    services.progressTracker.on('migrationCompleted', ({ ok }) => heard.push(ok));
    const { canProceed } = await services.autoDetector.createMigrationPlan();
    const run = await services.migrationOrchestrator.startMigration();
    const { ok } = await run.done;
    const { valid } = await services.validationService.validateMigration();
    const { canRollback } = await services.rollbackService.canRollback();
    const { backups } = await services.backupService.listBackups();
    let healthy = false;
    // A busy Redis may miss the moment it is asked in.
    for (let tries = 0; !healthy && tries < 60; tries++) {
        if (tries) await new Promise((resolve) => setTimeout(resolve, 500));
        ({ healthy } = await services.zeroDowntimeCoordinator.checkSystemHealth());
    }
    const { paused } = services.zeroDowntimeCoordinator.pending;
    return { heard, canProceed, ok, valid, canRollback, backups: backups.length, healthy, paused };
}"""


def codes(checks: list[dict[str, Any]]) -> set[str]:
    """Return the codes of some checks."""
    return {check["code"] for check in checks}


class TestCalls:
    def test_tell_of_one_move_from_readiness_to_rollback(
        self, profile: Profile, account: Any, watch: Watch, ledger: Ledger, backend: Backend
    ) -> None:
        # Asking about what is not there yet is refused, and the browser logs it; so is a stale epoch after a rollback.
        watch.expect(r"status of 40[49]")
        page: AccountPage = account(profile, **OPTIONS).prepare()
        page.storage.write(ENTRIES)
        page.open()

        assert page.call("initialize")["ok"]
        ready = page.call("validateMigrationReadiness")
        assert ready["ready"], ready["issues"]
        assert {"rollback_works", "backups_readable", "locks", "server"} <= codes(ready["checks"])
        assert codes(ready["warnings"]) <= codes(ready["checks"])
        assert page.call("generateMigrationReport")["code"] == "not_found"
        assert page.call("getMigrationStatistics")["sync"]["state"] == "never"

        result = page.migrate()
        assert result["ok"]
        run_id = result["migrationId"]

        assert page.call("checkMigrationStatus")["stage"] == "completed"
        told = page.call("getMigrationStatistics")
        assert told["localStorage"]["itemCount"] == told["database"]["records"] == len(ENTRIES)
        assert (told["sync"]["state"], told["sync"]["behind"]) == ("in_sync", 0)
        assert told["sync"]["revision"] == told["sync"]["since"] == told["database"]["revision"]
        assert (told["runs"], told["completed"], told["entries"]) == (1, 1, len(ENTRIES))

        report = page.call("generateMigrationReport", run_id)["report"]
        assert report["run"]["id"] == run_id
        assert report["moved"]["stored"]["entries"] == len(ENTRIES)
        html = page.call("generateMigrationReport", run_id, {"format": "html"})["html"]
        assert html.lstrip().lower().startswith("<!doctype html>")
        assert run_id[:8] in html
        assert "<script" not in html

        found = page.call("validateMigration")
        assert (found["valid"], found["differing"], found["onlyOnServer"], found["quarantined"]) == (True, [], [], [])
        assert found["receipt"]["run"] == run_id
        assert found["receipt"]["standing"]["stored"] == len(ENTRIES)

        # A busy Redis may miss the moment it is asked in.
        health = until(page.page, lambda: (told := page.call("checkSystemHealth"))["healthy"] and told)
        assert (health["healthy"], health["server"]["parts"]["database"]) == (True, True)
        assert page.call("canRollback") == {"canRollback": True, "reasons": []}
        assert page.call("listRollbackPoints")["points"]
        assert page.call("rollbackMigration")["rollback"]["state"] == "done"
        assert ledger.records(ledger.owner_of_account(backend.user)) == {}
        assert page.call("undoRollback")["rollback"]["state"] == "done"
        assert page.call("createBackup")["result"]["ok"]
        assert len(page.call("listBackups")["backups"]) == 2
        assert page.storage.read() == ENTRIES

    @pytest.mark.parametrize("engine", ["chromium"], indirect=True)
    def test_are_the_same_through_the_older_services(
        self, profile: Profile, account: Any, stack: Stack, tenant: Tenant, backend: Backend
    ) -> None:
        page: AccountPage = account(profile).prepare()
        page.storage.write(ENTRIES)
        options = {"url": stack.url, "appKey": tenant.key, "rescanInterval": 0}
        assert page.page.evaluate(_THROUGH_FACADES, [options, backend.token()]) == {
            "heard": [True],
            "canProceed": True,
            "ok": True,
            "valid": True,
            "canRollback": True,
            "backups": 1,
            "healthy": True,
            "paused": "not_installed",
        }
