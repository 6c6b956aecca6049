"""Activate, the same for customers, resellers and subscriptions: what it lifts and what remains."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import Account
from hosting import suspension
from hosting.forms import ActivateForm
from hosting.models.subscriptions import Subscription
from hosting.models.suspension import PERSONAL, Kind, Level, Scope, SuspensionEntry
from hosting.operations.suspending import Suspending, may_lift_abuse
from panel.core import reasons
from panel.core.access import Role
from panel.core.operations import Step, operations

reasons.declare(
    level_above=_("Somebody above you suspended it; only they can lift that."),
    switched_off=_("The subscriber switched it off, and only the subscriber switches it on."),
    above_suspended=_("%(name)s is suspended, and with it everything below."),
    above_suspended_unnamed=_("Your provider suspended the account that it belongs to."),
    abuse_needs_tick=_(
        "It is suspended for abuse: a person lifts that, by ticking “Lift a suspension for abuse"
        " too”."
    ),
    abuse_needs_tick_action=_("Activate with options…"),
    expired_needs_date=_("It has expired: use Set expiry."),
    expired_needs_date_action=_("Set expiry"),
    overuse_needs_plan=_("It uses more than it may: free space or change the plan."),
    overuse_needs_plan_action=_("Change Plan"),
    remain_entries=_("Still suspended for another cause that you can lift: %(names)s."),
    remain_entries_action=_("Activate again…"),
    remain_level=_("Still suspended by somebody above you: %(names)s."),
    remain_abuse=_("Still suspended for abuse, which is lifted by a tick of its own: %(names)s."),
    remain_abuse_action=_("Activate with options…"),
    remain_billing=_("Still suspended for another reason than an unpaid bill: %(names)s."),
    remain_switched_off=_("Switched off by the subscriber, and stays so: %(names)s."),
    remain_expired=_("Expired, and still suspended (%(count)s): %(names)s. Use Set expiry."),
    remain_expired_action=_("Set expiry…"),
    remain_overused=_("Over their limits, and still suspended (%(count)s): %(names)s."),
    remain_overused_action=_("Change Plan…"),
    remain_own=_("Still suspended by themselves (%(count)s): %(names)s."),
    remain_own_action=_("Activate them too…"),
    remain_accounts=_("Customers still suspended by themselves (%(count)s): %(names)s."),
    remain_above=_("Still suspended, because %(above)s is: %(names)s."),
    remain_above_unnamed=_("Still suspended, because the account it belongs to is: %(names)s."),
)
_NAMED = 5


@dataclass
class Remainder:
    """Objects that stay suspended for one cause. A code, the rows, and where a button leads."""

    code: str
    rows: list[Any]
    count: int
    verb: str = ""
    noun: str = ""


class Activate(Suspending):
    """Lifts, of the entries that the actor may lift, those of the highest level present.

    So a customer's subscriptions start again with it, but for those that somebody suspended by
    themselves or that have expired: these it names.
    """

    verb = "activate"
    label = _("Activate")
    ask_label = _("Activate with options…")
    form_class = ActivateForm
    order = 31

    def check(self, step: Step) -> None:
        by_target = self._by_target(step.open_ids)
        with_own = self._with_own(step) if step.params.get("own") else set()
        above = self._suspended_above(step, step.open)
        lift: dict[int, list[int]] = {}
        for row in step.open:
            entries = by_target.get(row.pk, [])
            lift[row.pk] = self._liftable(step, row, entries)
            if not lift[row.pk] and row.pk not in with_own:
                self._say_why_not(step, row, entries, above)
        step.params["lift"] = lift

    def _by_target(self, ids: list[int]) -> dict[int, list[SuspensionEntry]]:
        found: dict[int, list[SuspensionEntry]] = {}
        for entry in self.entries_of(ids):
            found.setdefault(getattr(entry, self.column), []).append(entry)
        return found

    def _liftable(self, step: Step, row: Any, entries: list[SuspensionEntry]) -> list[int]:
        for level in suspension.liftable_levels(step.actor, row):
            of_level = [e.pk for e in entries if e.level == level and self._may_lift(step, e)]
            if of_level:
                return of_level
        return []

    def _may_lift(self, step: Step, entry: SuspensionEntry) -> bool:
        """Whether the kind is one that the actor lifts, its level apart."""
        if suspension.is_billing(step.actor):
            return entry.kind == Kind.UNPAID
        return entry.kind != Kind.ABUSE or may_lift_abuse(step)

    def _say_why_not(
        self, step: Step, row: Any, entries: list[SuspensionEntry], above: dict[int, str]
    ) -> None:
        causes = {self._cause(step, row, entry) for entry in entries}
        for code, refusal, verb in (
            ("remain_billing", "billing_only_unpaid", ""),
            ("remain_abuse", "abuse_needs_tick", self.verb),
            ("remain_level", "level_above", ""),
            ("remain_switched_off", "switched_off", ""),
            ("remain_expired", "expired_needs_date", "set-expiry"),
            ("remain_overused", "overuse_needs_plan", "change-plan"),
        ):
            if code in causes:
                step.refuse(row.pk, refusal, **self._button(step, row, verb))
                return
        if row.pk not in above:
            step.leave(row.pk, "active_already")
        elif name := above[row.pk]:
            step.refuse(row.pk, "above_suspended", name=name)
        else:
            step.refuse(row.pk, "above_suspended_unnamed")

    def _button(self, step: Step, row: Any, verb: str) -> dict[str, str]:
        """Where the refusal's button leads; none for what the actor may not do."""
        operation = operations.get(f"{self.noun}.{verb}")
        if operation is None or not operation.may(step.actor):
            return {}
        return {"action": reverse(f"{self.noun}_operation", args=[row.pk, verb])}

    def _cause(self, step: Step, row: Any, entry: SuspensionEntry) -> str:
        """Why an entry is not lifted now, as the code of the note that says so."""
        if entry.level == Level.EXPIRED:
            return "remain_expired"
        if entry.level == Level.OVERUSE:
            return "remain_overused"
        if entry.level not in suspension.liftable_levels(step.actor, row):
            is_own = entry.level == Level.CUSTOMER
            return "remain_switched_off" if is_own else "remain_level"
        if self._may_lift(step, entry):
            return "remain_entries"
        return "remain_billing" if suspension.is_billing(step.actor) else "remain_abuse"

    def _suspended_above(self, step: Step, rows: list[Any]) -> dict[int, str]:
        """Targets below a suspended account, with its name as far as the actor may know it."""
        found: dict[int, str] = {}
        owners = {owner for row in rows for owner in (row.account_id, row.reseller_id) if owner}
        entries = SuspensionEntry.objects.filter(account_id__in=owners, scope=Scope.EVERYTHING)
        names = {
            entry.account_id: str(entry.account) for entry in entries.select_related("account")
        }
        for row in rows:
            for owner in (row.reseller_id, row.account_id):
                is_self = self.column == "account_id" and owner == row.pk
                if owner in names and not is_self:
                    is_known = step.actor.is_administrator or owner != step.actor.account_id
                    found[row.pk] = names[owner] if is_known else ""
        return found

    def _own(self, step: Step, ids: list[int]) -> QuerySet:
        """Entries of the subscriptions below these accounts that are lifted along if asked."""
        if self.column != "account_id":
            return SuspensionEntry.objects.none()
        return suspension.liftable_below(step.actor, ids, abuse=may_lift_abuse(step))

    def _with_own(self, step: Step) -> set[int]:
        """Accounts below which there is something to lift along."""
        owners: set[int] = set()
        for entry in self._own(step, step.open_ids).select_related("subscription"):
            owners |= {entry.subscription.account_id, entry.subscription.reseller_id or 0}
        return owners

    def perform(self, step: Step) -> None:
        ids = step.open_ids
        lift = step.params["lift"]
        lifted = SuspensionEntry.objects.filter(pk__in=[pk for row in ids for pk in lift[row]])
        of_abuse = lifted.filter(kind=Kind.ABUSE) if may_lift_abuse(step) else lifted.none()
        abused = set(of_abuse.values_list(self.column, flat=True))
        lifted.delete()
        if step.params.get("own"):
            own = self._own(step, ids)
            subscriptions = list(own.values_list("subscription_id", flat=True))
            own.delete()
            suspension.recompute(subscriptions=subscriptions)
            if may_lift_abuse(step):
                suspension.tell_of_abuse(subscriptions=subscriptions)
        self.recompute(ids)
        if abused:
            self.tell_of_abuse(list(abused))
        for row in step.open:
            step.changed(row.pk, {"suspended": row.is_suspended}, {"lifted": len(lift[row.pk])})
        self._name_what_remains(step, ids)

    def _name_what_remains(self, step: Step, ids: list[int]) -> None:
        still = list(self.visible(step.actor).filter(pk__in=ids, is_suspended=True).order_by("pk"))
        remainders = list(self._of_targets(step, still))
        if self.column == "account_id":
            remainders += self._below(step, ids)
        for one in remainders:
            names = [str(row) for row in one.rows[:_NAMED]]
            action = {}
            if one.verb and one.count == 1:
                action["action"] = reverse(f"{one.noun}_operation", args=[one.rows[0].pk, one.verb])
            elif one.code == "remain_own" and len(ids) == 1:
                action["action"] = reverse(f"{self.noun}_operation", args=[ids[0], self.verb])
            step.note(one.code, count=one.count, names=names, **action)
        for pk, name in self._suspended_above(step, still).items():
            row = next(row for row in still if row.pk == pk)
            code = "remain_above" if name else "remain_above_unnamed"
            step.note(code, names=[str(row)], above=name)

    def _of_targets(self, step: Step, still: list[Any]) -> Iterator[Remainder]:
        """Causes on the targets themselves that were not lifted."""
        by_target = self._by_target([row.pk for row in still])
        by_cause: dict[str, list[Any]] = {}
        for row in still:
            for code in sorted({self._cause(step, row, e) for e in by_target.get(row.pk, [])}):
                by_cause.setdefault(code, []).append(row)
        verbs = {
            "remain_entries": self.verb,
            "remain_abuse": self.verb,
            "remain_expired": "set-expiry",
            "remain_overused": "change-plan",
        }
        for code, rows in by_cause.items():
            yield Remainder(code, rows, len(rows), verbs.get(code, ""), self.noun)

    def _below(self, step: Step, ids: list[int]) -> Iterator[Remainder]:
        """What stays suspended by itself below accounts that run again."""
        suspended = Account.objects.visible_to(step.actor).present()
        suspended = suspended.filter(provider_id__in=ids, role=Role.CUSTOMER, is_suspended=True)
        shut_by_itself = suspended.filter(reseller__is_suspended=False).order_by("pk")
        if count := shut_by_itself.count():
            yield Remainder("remain_accounts", list(shut_by_itself[:_NAMED]), count)
        entries = suspension.entries_below(step.actor, ids)
        mine = entries.filter(level__in=self._levels_below(step))
        own = self._own(step, ids)
        others = mine.exclude(pk__in=own.values("pk"))
        billing = suspension.is_billing(step.actor)
        personal = entries.filter(level__in=PERSONAL).exclude(level=Level.CUSTOMER)
        for code, which, verb in (
            ("remain_own", own, ""),
            ("remain_billing" if billing else "remain_abuse", others, "" if billing else self.verb),
            ("remain_level", personal.exclude(pk__in=mine.values("pk")), ""),
            ("remain_switched_off", entries.filter(level=Level.CUSTOMER), ""),
            ("remain_expired", entries.filter(level=Level.EXPIRED), "set-expiry"),
            ("remain_overused", entries.filter(level=Level.OVERUSE), "change-plan"),
        ):
            rows = Subscription.objects.visible_to(step.actor).present()
            rows = rows.filter(pk__in=which.values("subscription_id"), account__is_suspended=False)
            rows = rows.filter(Q(reseller=None) | Q(reseller__is_suspended=False)).order_by("pk")
            if count := rows.count():
                yield Remainder(code, list(rows[:_NAMED]), count, verb, "subscription")

    def _levels_below(self, step: Step) -> list[Level]:
        if step.actor.is_administrator:
            return [Level.ADMINISTRATOR, Level.RESELLER]
        return [Level.RESELLER]
