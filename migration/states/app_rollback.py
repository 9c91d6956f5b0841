"""The rollback of a whole app: owners go back one by one, and what is done stays done."""

from django.db import models

from migration.states.machine import Machine


class AppRollbackState(models.TextChoices):
    """At work takes owners, paused takes none, done has taken all, stopped was undone before it had taken all."""

    AT_WORK = "at_work"
    PAUSED = "paused"
    DONE = "done"
    STOPPED = "stopped"


APP_ROLLBACK = Machine(
    "app_rollback",
    AppRollbackState.AT_WORK,
    {
        AppRollbackState.AT_WORK: {
            AppRollbackState.PAUSED: "pause",
            AppRollbackState.DONE: "every owner taken",
        },
        AppRollbackState.PAUSED: {AppRollbackState.AT_WORK: "resume", AppRollbackState.STOPPED: "undo"},
        AppRollbackState.DONE: {AppRollbackState.AT_WORK: "retry"},
        AppRollbackState.STOPPED: {},
    },
)
