"""What a device found when it compared both sides, and how its outbox is."""

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from migration.api import answers, bodies
from migration.api.base import OwnerView
from migration.api.comparisons import Comparisons
from migration.api.problems import json_answer
from migration.api.schema import operation
from migration.cutover import check_epoch
from migration.orchestration import comparing

_LARGEST = 524_288


class ComparisonsView(OwnerView):
    """Comparisons of both sides."""

    @operation("comparisons_take", body=Comparisons, answer={200: answers.ComparisonsTaken})
    def post(self, request: Request) -> HttpResponse:
        """Take what the device compared since it told last, a few mismatches, and the state of its outbox."""
        sender = self.caller.sender()
        told = bodies.parse_texts(request, Comparisons, limit=_LARGEST)
        epoch = told.told_epoch()
        if epoch is not None:
            check_epoch(told=epoch, current=self.caller.epoch)
        taken = comparing.take_comparisons(
            sender=sender,
            stages={name: held.stage for name, held in self.caller.stages.each().items()},
            lines=told.compared(),
            pairs=told.differing(),
            outbox=told.waiting(),
            at=timezone.now(),
        )
        return json_answer(answers.ComparisonsTaken(taken.lines, taken.withheld))
