"""A run of an operation and its targets, as rows: progress, result page and Undo read them."""

from django.db import models

from panel.core import reasons
from panel.core.access import Actor
from panel.core.operations import Result
from panel.core.work import Work


class BulkRunQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor | None) -> "BulkRunQuerySet":
        """Runs that were started on behalf of the actor's account.

        Who was given a part of it sees its own only: what others' runs say of their targets may be
        beyond that part.
        """
        if actor is None:
            return self.none()
        runs = self.filter(account_id=actor.account_id)
        return runs.filter(user_id=actor.user_id) if actor.is_cut_down else runs


class BulkRun(Work):
    """One click: which operation, by whom, with what, on how many.

    Accounts and users stand as numbers and names, not as foreign keys: a run outlives them.
    """

    operation = models.CharField(max_length=80)
    account_id = models.BigIntegerField()
    user_id = models.BigIntegerField(null=True)
    real_user_id = models.BigIntegerField(null=True)
    # What the token that started it may do; NULL where no token did.
    scopes = models.JSONField(null=True)
    door = models.CharField(max_length=10)
    address = models.CharField(max_length=45, default="")
    request_id = models.CharField(max_length=16, default="")
    # What was typed, as the form takes it, without secrets.
    params = models.JSONField(default=dict)
    counts = models.JSONField(default=dict)
    notes = models.JSONField(default=list)
    total = models.PositiveIntegerField(default=0)
    undoes = models.ForeignKey("self", models.SET_NULL, null=True, related_name="undone_by")
    # Where the person came from: the list with its filter.
    back = models.CharField(max_length=2000, default="")

    objects = BulkRunQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                "run_after",
                name="core_bulkrun_due",
                condition=models.Q(state__in=["queued", "running"]),
            ),
            models.Index("account_id", "id", name="core_bulkrun_account"),
        ]

    def __str__(self) -> str:
        return f"{self.operation} #{self.pk}"

    @property
    def done(self) -> int:
        """How many targets have a result."""
        return sum(self.counts.values())


class BulkTarget(models.Model):
    """One object of a run, and what became of it. No result yet: still to be done."""

    run = models.ForeignKey(BulkRun, models.CASCADE, related_name="targets", db_index=False)
    target_id = models.BigIntegerField()
    label = models.CharField(max_length=255, default="")
    item_params = models.JSONField(null=True)
    # NULL means "not done yet", which is no result.
    result = models.CharField(max_length=10, null=True, choices=Result.choices)  # noqa: DJ001
    code = models.CharField(max_length=40, default="")
    reason_params = models.JSONField(default=dict)
    created_id = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "target_id"], name="core_bulktarget_once")
        ]
        indexes = [
            models.Index(
                "run",
                "target_id",
                name="core_bulktarget_open",
                condition=models.Q(result__isnull=True),
            ),
            models.Index(
                "run",
                "result",
                "target_id",
                name="core_bulktarget_problem",
                condition=models.Q(result__in=["refused", "missing", "failed", "unchanged"]),
            ),
        ]

    def __str__(self) -> str:
        return self.label or str(self.target_id)

    @property
    def reason(self) -> str:
        return reasons.render(self.code, self.reason_params)
