"""`/ws/v1/runs/{id}`: one run."""

from collections.abc import Iterable
from uuid import UUID

from migration.progress.voice import run_group
from migration.realtime.reading import owns, read_run
from migration.realtime.socket import IDLE_LOOK, NEXT_LOOK, Socket
from migration.realtime.threads import in_thread
from migration.states.run import AT_WORK


class RunSocket(Socket):
    """Shows one run of the ticket's owner; a foreign run is as good as none."""

    @property
    def run_id(self) -> UUID:
        """Return the run the address names."""
        run_id: UUID = self.scope["url_route"]["kwargs"]["run_id"]
        return run_id

    async def admitted(self) -> bool:
        """Tell whether the run is the owner's, and the one the ticket was made for if it was made for one."""
        if self.permit.run_id is not None:
            return self.permit.run_id == self.run_id  # whose run it is was asked when the ticket was made
        return await in_thread(owns)(self.permit, self.run_id)

    def groups_to_join(self) -> Iterable[str]:
        """Return the run's group."""
        return [run_group(self.run_id)]

    async def send_snapshot(self) -> bool:
        """Send `{"type": "snapshot", "number", "run"}`."""
        event = await in_thread(read_run)(self.permit, self.run_id)
        if event is None:
            return False
        self.seen(self.run_id, event)
        await self.send(f'{{"type":"snapshot","number":{event.number},"run":{event.run}}}')
        return True

    async def look(self) -> float:
        """Send the run's state if it is news."""
        event = await in_thread(read_run)(self.permit, self.run_id)
        if event is None:
            return IDLE_LOOK
        await self.tell(self.run_id, event)
        return NEXT_LOOK if event.state in AT_WORK else IDLE_LOOK
