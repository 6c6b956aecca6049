"""Scheduled tasks, and what came of their last runs."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hosting.models.subscriptions import Subscription
from panel.core.access import Owned, RemovableQuerySet


class Kind(models.TextChoices):
    """What a task does."""

    COMMAND = "command", _("Command")
    URL = "url", _("Address (URL)")
    PHP = "php", _("PHP script")


class TaskQuerySet(RemovableQuerySet):
    # Tasks go with their subscription.
    removed_at = "subscription__removing_at"


class ScheduledTask(Owned):
    """Something that a subscription's system user does at given times."""

    subscription = models.ForeignKey(Subscription, models.PROTECT, related_name="+")
    description = models.CharField(_("Description"), max_length=100, blank=True)
    kind = models.CharField(_("Kind"), max_length=10, choices=Kind)
    what = models.CharField(_("What to run"), max_length=1000)
    # Five fields as crontab(5) has them, or a word like @daily.
    line = models.CharField(_("Times"), max_length=200)
    zone = models.CharField(_("Time zone"), max_length=60)
    seconds = models.PositiveIntegerField(_("Longest run (seconds)"))
    memory = models.PositiveIntegerField(_("Memory (MiB)"))
    mail_to = models.EmailField(_("Mail on failure to"), blank=True)
    is_active = models.BooleanField(_("Active"), default=True)
    # Who switched it off, as far as levels go; "" while it is on.
    off_level = models.CharField(max_length=20, default="", editable=False)
    # When somebody pressed Run now for the last time.
    asked_at = models.DateTimeField(null=True, editable=False)
    mailed_at = models.DateTimeField(null=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = TaskQuerySet.as_manager()

    class Meta:
        verbose_name = _("scheduled task")
        verbose_name_plural = _("scheduled tasks")
        indexes = [
            models.Index("created_at", "id", name="cron_task_made"),
            models.Index("account", "created_at", "id", name="cron_task_account"),
            models.Index("reseller", "created_at", "id", name="cron_task_reseller"),
            models.Index("is_active", "id", name="cron_task_active"),
        ]

    def __str__(self) -> str:
        return self.description or self.what[:60]


class TaskRun(models.Model):
    """A run that has ended, as the node told it."""

    task = models.ForeignKey(ScheduledTask, models.CASCADE, related_name="runs", db_index=False)
    # Of the run and of its end, as the node numbers them.
    number = models.BigIntegerField()
    end = models.BigIntegerField()
    was_asked = models.BooleanField(default=False)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    code = models.IntegerField(null=True)
    # What ended it, if it did not end by itself: "time", "cpu", "stopped", "lost", "failed".
    cause = models.CharField(max_length=20, default="")
    output = models.TextField(default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["task", "number"], name="cron_run_once")]
        indexes = [models.Index("end", name="cron_run_end")]

    def __str__(self) -> str:
        return f"{self.task_id}: {self.number}"

    @property
    def is_good(self) -> bool:
        return self.code == 0 and not self.cause
