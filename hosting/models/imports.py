"""Imports: files of customers and subscriptions, row by row, judged first and made afterwards."""

from collections.abc import Callable
from typing import Any, Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from panel.core import reasons
from panel.core.access import Actor, Owned, OwnedQuerySet
from panel.core.operations import Result
from panel.core.work import State, Work, register_queue


class Phase(models.TextChoices):
    """What is being done, or was done last."""

    CHECK = "check", _("Check")
    IMPORT = "import", _("Import")


class Mode(models.TextChoices):
    """What happens to the good rows where some are refused."""

    ALL = "all", _("All rows, or none")
    GOOD = "good", _("The rows that nothing stands against")


STATUSES = {
    "checking": _("Being checked"),
    "checked": _("Checked"),
    "importing": _("Being imported"),
    "imported": _("Imported"),
    "stopped": _("Stopped"),
    "failed": _("Failed"),
}


class ImportQuerySet(OwnedQuerySet):
    def visible_to(self, actor: Actor | None) -> Self:
        """SECURITY: a file names everybody in it; who was given some subscriptions sees none."""
        scoped = super().visible_to(actor)
        return scoped.none() if actor is not None and actor.subscriptions is not None else scoped


@register_queue
class Import(Work, Owned):
    """One file. `account` is whose customers its rows become.

    Who acts stands as numbers, as on a run: it is asked anew for each chunk what they may.
    """

    subscription_column = ""

    name = models.CharField(_("File"), max_length=255)
    # The head of the file.
    columns = models.JSONField(default=list, editable=False)
    phase = models.CharField(max_length=10, choices=Phase.choices, default=Phase.CHECK)
    mode = models.CharField(max_length=10, choices=Mode.choices, default="", editable=False)
    user_id = models.BigIntegerField(null=True, editable=False)
    real_user_id = models.BigIntegerField(null=True, editable=False)
    by_name = models.CharField(max_length=255, default="", editable=False)
    scopes = models.JSONField(null=True, editable=False)
    door = models.CharField(max_length=10, editable=False)
    address = models.CharField(max_length=45, default="", editable=False)
    request_id = models.CharField(max_length=16, default="", editable=False)
    total = models.PositiveIntegerField(default=0, editable=False)
    counts = models.JSONField(default=dict, editable=False)
    # While it is checked: what the rows so far would use, which no row in the database tells.
    assumed = models.JSONField(default=dict, editable=False)

    objects = ImportQuerySet.as_manager()

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        indexes = [
            models.Index(
                "run_after",
                name="hosting_import_due",
                condition=models.Q(state__in=["queued", "running"]),
            ),
            *(
                models.Index(*owner, "created_at", "id", name=f"hosting_import_{who}")
                for who, owner in (("all", ()), ("reseller", ("reseller",)), ("of", ("account",)))
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def status(self) -> str:
        """One word for lists and the API."""
        if self.state in {State.CANCELLED, State.FAILED}:
            return "stopped" if self.state == State.CANCELLED else "failed"
        if self.is_over:
            return "imported" if self.phase == Phase.IMPORT else "checked"
        return "importing" if self.phase == Phase.IMPORT else "checking"

    @property
    def is_over(self) -> bool:
        return self.state in {State.DONE, State.CANCELLED, State.FAILED}

    @property
    def done(self) -> int:
        """How many rows have a result."""
        return sum(self.counts.values())

    def count(self, result: str) -> int:
        return int(self.counts.get(result, 0))

    def carry_out(self) -> None:
        """Check the rows, or import them, in the worker."""
        carrier(self)


# Set by `hosting.importing`, which knows operations.
carrier: Callable[[Import], None] = lambda row: None  # noqa: E731


class ImportRow(Owned):
    """One row of a file, and what would become of it, or what became.

    SECURITY: no password. One that the file gave was hashed before anything was written, and the
    hash goes as soon as the row is imported.
    """

    subscription_column = ""

    source = models.ForeignKey(Import, models.CASCADE, related_name="rows", db_index=False)
    line = models.PositiveIntegerField()
    # What was typed, by column, as it stood in the file.
    values = models.JSONField(default=dict)
    label = models.CharField(max_length=255, default="")
    username = models.CharField(max_length=100, default="")
    password = models.CharField(max_length=128, default="", editable=False)
    # A row at fault in itself: no second look makes it good.
    is_hopeless = models.BooleanField(default=False)
    # NULL: not looked at yet.
    result = models.CharField(max_length=10, null=True, choices=Result.choices)  # noqa: DJ001
    code = models.CharField(max_length=40, default="")
    reason_params = models.JSONField(default=dict)
    # Imported, and not only found good.
    is_made = models.BooleanField(default=False)
    # What was made, or was there already.
    customer_id = models.BigIntegerField(null=True)
    subscription_id = models.BigIntegerField(null=True)

    objects = ImportQuerySet.as_manager()

    class Meta:
        verbose_name = _("row of an import")
        indexes = [
            models.Index("source", "id", name="hosting_importrow_source"),
            models.Index("source", "result", "id", name="hosting_importrow_result"),
            models.Index("source", "username", "id", name="hosting_importrow_username"),
            models.Index("account", name="hosting_importrow_account"),
            models.Index("reseller", name="hosting_importrow_reseller"),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def reason(self) -> str:
        return reasons.render(self.code, self.reason_params)

    def told(self, result: str, code: str = "", params: dict[str, Any] | None = None) -> None:
        """Note what became of it; not yet saved."""
        self.result, self.code, self.reason_params = result, code, params or {}
