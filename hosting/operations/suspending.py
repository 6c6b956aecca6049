"""Suspend and its Undo, the same for customers, resellers and subscriptions."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import Account
from hosting import locks, notices, suspension
from hosting.forms import LiftForm, SuspendForm
from hosting.models.subscriptions import Subscription
from hosting.models.suspension import PERSONAL, Kind, Scope, SuspensionEntry
from panel.core import reasons, rows
from panel.core.access import Actor
from panel.core.operations import PROVIDERS, Consequence, Operation, Step

reasons.declare(
    self_suspended=_("Nobody suspends the own account."),
    suspended_already=_("It is suspended for this reason already."),
    active_already=_("It is active."),
    billing_only_unpaid=_("A token for billing sets and lifts “unpaid” only."),
)


def may_lift_abuse(step: Step) -> bool:
    """Abuse is lifted by a person who ticks it; a program is none."""
    return bool(step.params.get("abuse")) and step.actor.door != "api"


class Suspending(Operation):
    """What Suspend and Activate share: who may, and where an object's entries are."""

    area = "suspension"
    group = _("Change Status")
    roles = PROVIDERS
    # The column of SuspensionEntry that holds the target.
    column: ClassVar[str] = "account_id"
    chunk_size = 500
    reads = "role account_id reseller_id contact_name is_suspended removing_at"

    def may(self, actor: Actor) -> bool:
        if suspension.is_billing(actor):
            # The token's scope stands for the area, but never for what its user's role lacks.
            actor = replace(actor, scopes=None)
        return super().may(actor)

    def lock(self, actor: Actor, ids: Sequence[int]) -> None:
        """With what is above: else one who activates reads the state of a moment before somebody
        suspends the account above, and writes it after."""
        if self.column == "account_id":
            locks.accounts(ids)
        else:
            locks.subscriptions(ids)

    def entries_of(self, ids: list[int]) -> Any:
        return SuspensionEntry.objects.filter(**{f"{self.column}__in": rows.among(ids)})

    def recompute(self, ids: list[int]) -> None:
        if self.column == "account_id":
            suspension.recompute(accounts=ids)
        else:
            suspension.recompute(subscriptions=ids)

    def tell_of_abuse(self, ids: list[int]) -> None:
        if self.column == "account_id":
            suspension.tell_of_abuse(accounts=ids)
        else:
            suspension.tell_of_abuse(subscriptions=ids)


class Suspend(Suspending):
    """Adds an entry at the actor's level. The same key once more changes nothing."""

    verb = "suspend"
    label = _("Suspend")
    ask_label = _("Suspend with a message…")
    form_class = SuspendForm
    confirm = "many"
    order = 30

    def check(self, step: Step) -> None:
        kind = step.params.get("kind") or Kind.OTHER
        billing = suspension.is_billing(step.actor)
        if billing:
            kind = step.params["kind"] = step.params.get("kind") or Kind.UNPAID
        levels = {pk: suspension.level_of(step.actor, row) for pk, row in step.targets.items()}
        present = {
            (getattr(entry, self.column), entry.level, entry.kind)
            for entry in self.entries_of(step.open_ids)
        }
        for row in step.open:
            if self.column == "account_id" and row.pk == step.actor.account_id:
                step.refuse(row.pk, "self_suspended")
            elif billing and kind != Kind.UNPAID:
                step.refuse(row.pk, "billing_only_unpaid")
            elif (row.pk, levels[row.pk], kind) in present:
                step.leave(row.pk, "suspended_already")

    def perform(self, step: Step) -> None:
        params = step.params
        kind, scope = params.get("kind") or Kind.OTHER, params.get("scope") or Scope.EVERYTHING
        ids = step.open_ids
        same = (
            str(kind),
            str(scope),
            params.get("message", ""),
            params.get("note", ""),
            step.actor.username,
            step.run_id,
        )
        rows.insert(
            SuspensionEntry,
            f"{self.column} level kind scope message note by_name run_id",
            ((row.pk, str(suspension.level_of(step.actor, row)), *same) for row in step.open),
        )
        self.recompute(ids)
        if kind == Kind.ABUSE:
            self.tell_of_abuse(ids)
        shut = [row for row in step.open if not row.is_suspended]
        notices.suspended(step, shut, params.get("message", ""))
        new = {"suspended": True, "kind": str(kind)}
        if params.get("message"):
            new["message"] = params["message"]
        old = {state: {"suspended": state} for state in (True, False)}
        for row in step.open:
            step.changed(row.pk, old[row.is_suspended], new)

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        if self.column != "account_id":
            return [Consequence(_("Their sites answer 503 until they are activated."), "warn")]
        ids = rows.values("pk")
        below = Subscription.objects.visible_to(actor).present()
        count = below.filter(Q(account_id__in=ids) | Q(reseller_id__in=ids)).count()
        shut = ngettext(
            "%(n)s subscription is shut with them: its sites answer 503.",
            "%(n)s subscriptions are shut with them: their sites answer 503.",
            count,
        )
        found = [
            Consequence(_("They and their users can no longer log in."), "warn"),
            Consequence(shut % {"n": f"{count:,}"}, "warn"),
        ]
        customers = Account.objects.visible_to(actor).present().filter(provider_id__in=ids).count()
        if customers:
            text = ngettext(
                "%(n)s customer of theirs is suspended with them, unless “Panel only”.",
                "%(n)s customers of theirs are suspended with them, unless “Panel only”.",
                customers,
            )
            found.insert(1, Consequence(text % {"n": f"{customers:,}"}, "warn"))
        return found


class Lift(Suspending):
    """Undo of Suspend: lifts exactly the entries that one run set."""

    verb = "lift"
    label = _("Undo")
    hidden = True
    form_class = LiftForm

    def perform(self, step: Step) -> None:
        set_by_run = self.entries_of(step.open_ids).filter(run_id=step.params["run"])
        if suspension.is_billing(step.actor):
            set_by_run = set_by_run.filter(kind=Kind.UNPAID)
        if step.actor.door == "api":
            set_by_run = set_by_run.exclude(kind=Kind.ABUSE)
        found: dict[int, list[int]] = {}
        abused: set[int] = set()
        for entry in set_by_run:
            row = step.targets[getattr(entry, self.column)]
            abused |= {row.pk} if entry.kind == Kind.ABUSE else set()
            # What a run set at the reseller's level is the administrator's after a move.
            if entry.level in PERSONAL[PERSONAL.index(suspension.level_of(step.actor, row)) :]:
                found.setdefault(row.pk, []).append(entry.pk)
        for row in step.open:
            if row.pk not in found:
                step.leave(row.pk, "active_already")
        SuspensionEntry.objects.filter(pk__in=[pk for own in found.values() for pk in own]).delete()
        self.recompute(step.open_ids)
        if abused:
            self.tell_of_abuse(list(abused))
        for pk in step.open_ids:
            step.changed(pk, {"suspended": True}, {"undone_run": step.params["run"]})
