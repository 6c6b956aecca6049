"""Suspend and Activate, the same for customers, resellers and subscriptions."""

from typing import Any, ClassVar

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from hosting import suspension
from hosting.forms import ActivateForm, LiftForm, SuspendForm
from hosting.models.subscriptions import Subscription
from hosting.models.suspension import PERSONAL, Kind, Level, Scope, SuspensionEntry
from panel.core import reasons
from panel.core.access import Actor
from panel.core.operations import PROVIDERS, Consequence, Operation, Step

reasons.declare(
    self_suspended=_("Nobody suspends the own account."),
    suspended_already=_("It is suspended for this reason already."),
    active_already=_("It is active."),
    level_above=_("Somebody above you suspended it; only they can lift that."),
    above_suspended=_("%(name)s is suspended, and with it everything below."),
    above_suspended_unnamed=_("Your provider suspended the account that it belongs to."),
    abuse_needs_tick=_("It is suspended for abuse: tick “Lift a suspension for abuse too”."),
    billing_only_unpaid=_("A token for billing sets and lifts “unpaid” only."),
    expired_needs_date=_("It has expired: use Set expiry."),
    overuse_needs_plan=_("It uses more than it may: free space or change the plan."),
    remain_own=_("%(count)s stay suspended by themselves: %(names)s."),
    remain_own_action=_("Activate them too…"),
    remain_expired=_("%(count)s have expired and stay suspended: %(names)s. Use Set expiry."),
    remain_expired_action=_("Set expiry…"),
    remain_entries=_("%(names)s stays suspended: a suspension of another level is left."),
    remain_entries_action=_("Activate again"),
    remain_above=_("%(names)s stays suspended because %(above)s is."),
)


def is_billing(actor: Actor) -> bool:
    """Whether the actor is a token that may handle unpaid bills and nothing else."""
    scopes = actor.scopes
    return scopes is not None and "billing" in scopes and not scopes & {"write", "suspension"}


class _Suspending(Operation):
    """What Suspend and Activate share: who may, and where an object's entries are."""

    area = "suspension"
    group = _("Change Status")
    roles = PROVIDERS
    # The column of SuspensionEntry that holds the target.
    column: ClassVar[str] = "account_id"
    chunk_size = 500

    def may(self, actor: Actor) -> bool:
        if is_billing(actor):
            return actor.role in self.roles
        return super().may(actor)

    def entries_of(self, ids: list[int]) -> Any:
        return SuspensionEntry.objects.filter(**{f"{self.column}__in": ids})

    def recompute(self, ids: list[int]) -> None:
        if self.column == "account_id":
            suspension.recompute(accounts=ids)
        else:
            suspension.recompute(subscriptions=ids)


class Suspend(_Suspending):
    """Adds an entry at the actor's level. The same key once more changes nothing."""

    verb = "suspend"
    label = _("Suspend")
    ask_label = _("Suspend with a message…")
    form_class = SuspendForm
    confirm = "many"
    order = 30

    def check(self, step: Step) -> None:
        kind = step.params.get("kind") or Kind.OTHER
        billing = is_billing(step.actor)
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
        SuspensionEntry.objects.bulk_create(
            SuspensionEntry(
                **{self.column: row.pk},
                level=suspension.level_of(step.actor, row),
                kind=kind,
                scope=scope,
                message=params.get("message", ""),
                note=params.get("note", ""),
                by_name=step.actor.username,
                run_id=step.run_id,
            )
            for row in step.open
        )
        self.recompute(ids)
        new = {"suspended": True, "kind": str(kind)}
        if params.get("message"):
            new["message"] = params["message"]
        for row in step.open:
            step.changed(row.pk, {"suspended": row.is_suspended}, new)

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        if self.column != "account_id":
            return [Consequence(_("Their sites answer 503 until they are activated."), "warn")]
        below = Subscription.objects.visible_to(actor).filter(account_id__in=rows.values("pk"))
        count = below.present().count()
        return [
            Consequence(_("They and their users can no longer log in."), "warn"),
            Consequence(
                _("%(n)s subscriptions are shut with them: their sites answer 503.")
                % {"n": f"{count:,}"},
                "warn",
            ),
        ]


class Lift(_Suspending):
    """Undo of Suspend: lifts exactly the entries that one run set."""

    verb = "lift"
    label = _("Undo")
    hidden = True
    form_class = LiftForm

    def perform(self, step: Step) -> None:
        set_by_run = self.entries_of(step.open_ids).filter(run_id=step.params["run"])
        found = set(set_by_run.values_list(self.column, flat=True))
        for row in step.open:
            if row.pk not in found:
                step.leave(row.pk, "active_already")
        set_by_run.delete()
        self.recompute(step.open_ids)
        for pk in step.open_ids:
            step.changed(pk, {"suspended": True}, {"undone_run": step.params["run"]})


class Activate(_Suspending):
    """Lifts, of the entries that the actor may lift, those of the highest level present."""

    verb = "activate"
    label = _("Activate")
    ask_label = _("Activate with options…")
    form_class = ActivateForm
    order = 31

    def check(self, step: Step) -> None:
        by_target: dict[int, list[SuspensionEntry]] = {}
        for entry in self.entries_of(step.open_ids):
            by_target.setdefault(getattr(entry, self.column), []).append(entry)
        with_own = self._with_own(step) if step.params.get("own") else set()
        above = self._suspended_above(step)
        lift: dict[int, list[int]] = {}
        for row in step.open:
            entries = by_target.get(row.pk, [])
            lift[row.pk] = self._liftable(step, row, entries)
            if lift[row.pk] or row.pk in with_own:
                continue
            self._say_why_not(step, row, entries, above)
        step.params["lift"] = lift

    def _liftable(self, step: Step, row: Any, entries: list[SuspensionEntry]) -> list[int]:
        levels = suspension.liftable_levels(step.actor, row)
        may_lift = [entry for entry in entries if entry.level in levels]
        if is_billing(step.actor):
            may_lift = [entry for entry in may_lift if entry.kind == Kind.UNPAID]
        if not (step.params.get("abuse") and step.actor.door != "api"):
            # A person lifts what was set for abuse, by a tick of its own.
            may_lift = [entry for entry in may_lift if entry.kind != Kind.ABUSE]
        for level in PERSONAL:
            of_level = [entry.pk for entry in may_lift if entry.level == level]
            if of_level:
                return of_level
        return []

    def _say_why_not(
        self, step: Step, row: Any, entries: list[SuspensionEntry], above: dict[int, str]
    ) -> None:
        levels = suspension.liftable_levels(step.actor, row)
        mine = [entry for entry in entries if entry.level in levels]
        if is_billing(step.actor) and mine:
            step.refuse(row.pk, "billing_only_unpaid")
        elif mine:
            step.refuse(row.pk, "abuse_needs_tick")
        elif any(entry.level in PERSONAL for entry in entries):
            step.refuse(row.pk, "level_above")
        elif any(entry.level == Level.EXPIRED for entry in entries):
            step.refuse(row.pk, "expired_needs_date")
        elif entries:
            step.refuse(row.pk, "overuse_needs_plan")
        elif row.pk in above:
            name = above[row.pk]
            step.refuse(row.pk, "above_suspended", name=name) if name else step.refuse(
                row.pk, "above_suspended_unnamed"
            )
        else:
            step.leave(row.pk, "active_already")

    def _suspended_above(self, step: Step) -> dict[int, str]:
        """Targets below a suspended account, with its name as far as the actor may know it."""
        found: dict[int, str] = {}
        rows = [row for row in step.open if row.is_suspended]
        owners = {row.account_id for row in rows} | {row.reseller_id for row in rows}
        suspended = {
            entry.account_id: str(entry.account)
            for entry in SuspensionEntry.objects.filter(
                account_id__in=owners - {None}, scope=Scope.EVERYTHING
            ).select_related("account")
        }
        for row in rows:
            for owner in (row.reseller_id, row.account_id):
                is_self = self.column == "account_id" and owner == row.pk
                if owner in suspended and not is_self:
                    known = step.actor.is_administrator or owner != step.actor.account_id
                    found[row.pk] = suspended[owner] if known and not step.actor.is_customer else ""
        return found

    def own_entries(self, step: Step, ids: list[int]) -> Any:
        """Entries of the subscriptions below these accounts that the actor may lift with them."""
        if self.column != "account_id":
            return SuspensionEntry.objects.none()
        below = Subscription.objects.visible_to(step.actor).present()
        below = below.filter(Q(account_id__in=ids) | Q(reseller_id__in=ids))
        entries = SuspensionEntry.objects.filter(subscription_id__in=below.values("pk"))
        if is_billing(step.actor):
            entries = entries.filter(kind=Kind.UNPAID)
        # Never the subscriber's own choice, and never abuse without its tick.
        levels = [Level.ADMINISTRATOR, Level.RESELLER] if step.actor.is_administrator else [Level.RESELLER]
        entries = entries.filter(level__in=levels)
        if not (step.params.get("abuse") and step.actor.door != "api"):
            entries = entries.exclude(kind=Kind.ABUSE)
        return entries

    def _with_own(self, step: Step) -> set[int]:
        """Accounts below which there is something to lift along."""
        owners: set[int] = set()
        for entry in self.own_entries(step, step.open_ids).select_related("subscription"):
            owners |= {entry.subscription.account_id, entry.subscription.reseller_id or 0}
        return owners

    def perform(self, step: Step) -> None:
        ids = step.open_ids
        lift = step.params["lift"]
        SuspensionEntry.objects.filter(pk__in=[pk for row in ids for pk in lift[row]]).delete()
        if step.params.get("own"):
            own = self.own_entries(step, ids)
            subscriptions = list(own.values_list("subscription_id", flat=True))
            own.delete()
            suspension.recompute(subscriptions=subscriptions)
        self.recompute(ids)
        for row in step.open:
            step.changed(row.pk, {"suspended": row.is_suspended}, {"lifted": len(lift[row.pk])})
        self._name_what_remains(step, ids)

    def _name_what_remains(self, step: Step, ids: list[int]) -> None:
        rows = self.visible(step.actor).filter(pk__in=ids)
        still = list(rows.filter(is_suspended=True)[:6])
        if still:
            step.note("remain_entries", count=len(still), names=[str(row) for row in still[:5]])
        if self.column != "account_id":
            return
        below = Subscription.objects.visible_to(step.actor).present().filter(is_suspended=True)
        below = below.filter(Q(account_id__in=ids) | Q(reseller_id__in=ids))
        below = below.filter(account__is_suspended=False).order_by("pk")
        for code, which in (
            ("remain_expired", below.filter(is_expired=True)),
            ("remain_own", below.filter(is_expired=False)),
        ):
            count = which.count()
            if not count:
                continue
            action = self._action(code, ids, which)
            step.note(code, count=count, names=[str(row) for row in which[:5]], **action)

    def _action(self, code: str, ids: list[int], which: Any) -> dict[str, Any]:
        """Where a button leads that lifts what remains; only where there is one object to lead to."""
        if code == "remain_expired":
            if which.count() != 1:
                return {}
            return {"action": reverse("subscription_operation", args=[which[0].pk, "set-expiry"])}
        if len(ids) != 1:
            return {}
        return {"action": reverse(f"{self.noun}_operation", args=[ids[0], "activate"])}


