"""`/ws/v1/owner`: all runs of one owner, the epoch, and the revision the records stand at."""

from collections.abc import Iterable
from typing import Any

import msgspec

from migration.progress.voice import OWNERS, app_group, owner_group
from migration.realtime.reading import OwnerView, read_owner
from migration.realtime.socket import IDLE_LOOK, NEXT_LOOK, Socket
from migration.realtime.threads import in_thread
from migration.realtime.watching import epoch_watch
from migration.states.run import AT_WORK
from migration.values.epochs import Epoch


class OwnerSocket(Socket):
    """Shows the ticket's owner. A ticket for one run does not open it."""

    epoch = ""
    revision = 0

    async def admitted(self) -> bool:
        """Tell whether the ticket is for the owner as a whole."""
        return self.permit.run_id is None

    def groups_to_join(self) -> Iterable[str]:
        """Return the owner's group, its app's, and the one that says that owners are watched at all."""
        return [owner_group(self.permit.owner_id), app_group(self.permit.app_id), OWNERS]

    async def send_snapshot(self) -> bool:
        """Send `{"type": "snapshot", "runs", "epoch", "revision"}`."""
        view = await self._read()
        if view is None:
            return False
        self.epoch, self.revision = view.epoch, view.revision
        for run, event in view.runs.items():
            self.seen(run, event)
        runs = ",".join(event.run for event in view.runs.values())
        epoch_watch().add(self.permit.app_id, self.app_epoch)
        await self.send(f'{{"type":"snapshot","runs":[{runs}],"epoch":{_json(view.epoch)},"revision":{view.revision}}}')
        return True

    async def disconnect(self, code: int) -> None:
        """Be told nothing any more."""
        if self.epoch:
            epoch_watch().remove(self.permit.app_id, self.app_epoch)
        await super().disconnect(code)

    async def look(self) -> float:
        """Send runs, epoch and revision where they are news."""
        view = await self._read()
        if view is None:
            return IDLE_LOOK
        await self._tell_epoch(view.epoch)
        await self._tell_revision(view.revision)
        for run, event in view.runs.items():
            await self.tell(run, event)
        at_work = any(event.state in AT_WORK for event in view.runs.values())
        return NEXT_LOOK if at_work else IDLE_LOOK

    async def epoch_event(self, message: dict[str, Any]) -> None:
        """Take what `announce_epoch` published."""
        await self._tell_epoch(message["epoch"])

    async def app_epoch_event(self, message: dict[str, Any]) -> None:
        """Take what `announce_app_epoch` published."""
        await self.app_epoch(message["epoch"])

    async def app_epoch(self, epoch: int) -> None:
        """Tell that the app's part of the epoch has risen, where that is news."""
        if self.epoch:  # else the snapshot, which is being read, will say it
            await self._tell_epoch(str(Epoch(epoch, Epoch.parse(self.epoch).owner)))

    async def records_event(self, message: dict[str, Any]) -> None:
        """Take what `announce_records` published."""
        await self._tell_revision(message["revision"])

    async def _tell_revision(self, revision: int) -> None:
        if revision > self.revision:
            self.revision = revision
            await self.send(f'{{"type":"recordsChanged","revision":{revision}}}')

    async def _tell_epoch(self, epoch: str) -> None:
        known, told = Epoch.parse(self.epoch), Epoch.parse(epoch)
        if known.is_stale(told):
            self.epoch = epoch = str(Epoch(max(known.app, told.app), max(known.owner, told.owner)))
            await self.send(f'{{"type":"epochChanged","epoch":{_json(epoch)}}}')

    async def _read(self) -> OwnerView | None:
        view: OwnerView | None = await in_thread(read_owner)(self.permit)
        return view


def _json(text: str) -> str:
    return msgspec.json.encode(text).decode()
