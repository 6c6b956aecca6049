"""Move: a customer with all it has goes to another provider."""

from collections.abc import Sequence
from copy import copy
from typing import Any

from django.db.models import F
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts import tree
from accounts.models import Account
from hosting import creating, demand, locks, permissions, rehoming
from hosting.forms_moving import MoveForm, MovePlanForm
from hosting.forms_subscriptions import find_subscriber
from hosting.models.plans import Plan
from hosting.models.suspension import Level, Scope, SuspensionEntry
from hosting.operations.planning import named
from hosting.services import base
from panel.core.access import Actor, Role
from panel.core.operations import ADMINISTRATOR, Consequence, Operation, Refused, Step, register

_WHY = "what hangs on the targets, which the actor sees"


@register
class MoveCustomer(Operation):
    """All of one customer moves, or nothing of it. The plans of the old owner stay behind."""

    noun = "customer"
    verb = "move"
    label = _("Move to another")
    bulk_label = _("Move to")
    roles = ADMINISTRATOR
    form_class = MoveForm
    item_form_class = MovePlanForm
    review = True
    # Its button stands beside the provider.
    sidebar = False
    order = 60

    def lock_for(self, actor: Actor, ids: Sequence[int], given: dict[str, Any]) -> None:
        owner = find_subscriber(given.get("owner"), actor)
        locks.accounts([*ids, *([owner.pk] if owner else [])])
        self.lock(actor, ids)

    def lock(self, actor: Actor, ids: Sequence[int]) -> None:
        locks.accounts(ids)
        locks.subscriptions(list(rehoming.subscriptions_of(ids).values_list("pk", flat=True)))

    def check(self, step: Step) -> None:
        owner: Account = step.params["owner"]
        for row in step.open:
            if row.provider_id == owner.pk:
                step.leave(row.pk)
        chosen_plans(step, owner)
        rehoming.refuse_taken_external_ids(step, owner)
        may = bool(step.params.get("below_suspended"))
        asked = self._asked(step)
        for pk, against in demand.judge(owner, asked, step.actor, may_be_suspended=may).items():
            step.refuse(pk, against.code, **against.params)

    def _asked(self, step: Step) -> dict[int, demand.Demand]:
        return demand.of_customers(step.open_ids, plans_of(step))

    def foresee(self, step: Step) -> list[Consequence]:
        rows, owner = step.open, step.params["owner"]
        count = rehoming.subscriptions_of(step.open_ids).filter(removing_at=None).count()
        goes = ngettext(
            "%(n)s customer goes to %(who)s, with everything it has: %(subscriptions)s.",
            "%(n)s customers go to %(who)s, with everything they have: %(subscriptions)s.",
            len(rows),
        )
        held = ngettext("%(n)s subscription", "%(n)s subscriptions", count)
        who = Role.ADMINISTRATOR.label if owner.role == Role.ADMINISTRATOR else owner
        words = {
            "n": f"{len(rows):,}",
            "who": who,
            "subscriptions": held % {"n": f"{count:,}"},
        }
        return [
            Consequence(goes % words, "info", named(rows)),
            *plans_foreseen(step),
            *demand.foresee_lacking(owner, self._asked(step)),
            *_rights_foreseen(step, owner),
            *_suspension_foreseen(rows, owner),
            *_descriptions_foreseen(step, rows),
        ]

    def perform(self, step: Step) -> None:
        rows, ids, owner = step.open, step.open_ids, step.params["owner"]
        before = {row.pk: row.provider_id for row in rows}
        names = _names({*before.values()})
        plans = plans_of(step)
        recount = rehoming.take_plans(ids, plans)
        moved = Account.objects.unscoped(_WHY).filter(pk__in=ids)
        moved.update(provider=owner, version=F("version") + 1)
        if not step.params.get("hand_over_description"):
            _leave_descriptions(step, rows)
        if owner.role == Role.ADMINISTRATOR:
            rehoming.pass_on_levels(ids)
        for row in rows:
            write_down(step, row, names[before[row.pk]], owner, plans.get(row.pk))
        rehoming.settle(step, ids, [*before.values(), owner.pk], recount)


def _leave_descriptions(step: Step, rows: Sequence[Any]) -> None:
    """They were the old provider's. So are the entries about them: the subscriber sees neither."""
    ids = [row.pk for row in rows]
    below = rehoming.subscriptions_of(ids)
    described = [*rows, *below.exclude(description="")]
    for row in described:
        if row.description:
            theirs = copy(row)
            theirs.account_id = None
            noun = "customer" if isinstance(row, Account) else "subscription"
            old = {"description": row.description}
            step.log(f"{noun}.description", theirs, old, {"description": ""})
    Account.objects.unscoped(_WHY).filter(pk__in=ids).update(description="")
    below.update(description="")


def plans_of(step: Step) -> dict[int, Plan | None]:
    """The plan that was chosen for each target; None is Custom plan."""
    return {pk: step.items.get(pk, {}).get("plan") for pk in step.targets}


def chosen_plans(step: Step, provider: Account) -> None:
    """Lock the plans that were chosen and take them as they are now; refuse where one is gone, or
    is not the provider's."""
    now: dict[int, Plan | None] = {}
    for row in step.open:
        plan = step.items.get(row.pk, {}).get("plan")
        if plan is None:
            continue
        if plan.pk not in now:
            try:
                now[plan.pk] = creating.plan_now(plan)
            except Refused:
                now[plan.pk] = None
        locked = now[plan.pk]
        if locked is None or locked.account_id != provider.pk:
            step.refuse(row.pk, "plan_gone")
        else:
            step.items[row.pk]["plan"] = locked


def write_down(
    step: Step, row: Any, old: str, provider: Account, plan: Plan | None, **values: Any
) -> None:
    """One entry for the old provider and one for the new: neither learns of the other by it."""
    new = {"provider": str(provider), "plan": str(plan or _("Custom plan")), **values}
    if row.reseller_id is None:
        # Above it was nobody but the administrator, who sees everything.
        before = {"provider": old}
    else:
        before = {}
        step.log("customer.move", copy(row), {"provider": old}, {})
    # The entry about the target itself is written with the row in memory.
    row.reseller_id = new.pop("reseller_id", tree.reseller_of(provider))
    step.changed(row.pk, before, new)


def plans_foreseen(step: Step) -> list[Consequence]:
    """Which customers' subscriptions become Custom, and which take a plan."""
    by_plan: dict[str, list[Any]] = {}
    plans = plans_of(step)
    for row in step.open:
        by_plan.setdefault(str(plans.get(row.pk) or ""), []).append(row)
    found = []
    for name, rows in sorted(by_plan.items()):
        if name:
            text = _("Their subscriptions take the service plan %(plan)s, its values and validity:")
            found.append(Consequence(text % {"plan": name}, "warn", named(rows)))
        else:
            text = _(
                "Their subscriptions are Custom: resources and permissions stay, the present"
                " plans' changes no longer reach them:"
            )
            found.append(Consequence(text, "info", named(rows)))
    return found


def _rights_foreseen(step: Step, owner: Account) -> list[Consequence]:
    """What their subscriptions were given and the present provider lacked comes into force."""
    above = tree.reseller_of(owner)
    mask = permissions.of_resellers([above]).get(above or 0)
    plans = plans_of(step)
    custom = [pk for pk in step.open_ids if plans.get(pk) is None]
    rows = list(rehoming.subscriptions_of(custom).filter(removing_at=None))
    now = permissions.in_force(rows)
    gained: set[str] = set()
    for row in rows:
        then = frozenset(row.permissions) if mask is None else mask & frozenset(row.permissions)
        gained |= then - now[row.pk]
    declared = base.permissions()
    if not (labels := sorted(str(declared[name].label) for name in gained if name in declared)):
        return []
    text = _("These permissions come into force, which the present provider does not have:")
    return [Consequence(text, "warn", labels)]


def _suspension_foreseen(rows: Sequence[Any], owner: Account) -> list[Consequence]:
    """What stops and what starts because somebody else is above it, and who may lift what."""
    found = []
    entries = SuspensionEntry.objects
    ids = [row.pk for row in rows]
    is_shut = entries.filter(account=owner, scope=Scope.EVERYTHING).exists()
    by_itself = set(entries.filter(account_id__in=ids).values_list("account_id", flat=True))
    stops = [row for row in rows if is_shut and not row.is_suspended]
    starts = [row for row in rows if not is_shut and row.is_suspended and row.pk not in by_itself]
    if stops:
        stopped = _("%(who)s is suspended, and these are shut with it:") % {"who": owner}
        found.append(Consequence(stopped, "bad", named(stops)))
    if starts:
        started = _("These were shut with their provider, and start again:")
        found.append(Consequence(started, "warn", named(starts)))
    of_reseller = entries.filter(level=Level.RESELLER)
    held = of_reseller.filter(account_id__in=ids).count()
    held += of_reseller.filter(subscription__account_id__in=ids).count()
    if held:
        text = ngettext(
            "%(n)s suspension that the present provider set can be lifted by %(who)s from then on.",
            "%(n)s suspensions that the present provider set can be lifted by %(who)s from then"
            " on.",
            held,
        )
        is_own = owner.role == Role.ADMINISTRATOR
        who = _("the administrator only") if is_own else owner
        found.append(Consequence(text % {"n": f"{held:,}", "who": who}, "info"))
    return found


def _descriptions_foreseen(step: Step, rows: Sequence[Any]) -> list[Consequence]:
    if step.params.get("hand_over_description"):
        return []
    of_subscriptions = rehoming.subscriptions_of([row.pk for row in rows]).exclude(description="")
    owners = set(of_subscriptions.values_list("account_id", flat=True))
    left = [row for row in rows if row.description or row.pk in owners]
    if not left:
        return []
    return [Consequence(_("The descriptions are left behind:"), "warn", named(left))]


def _names(ids: set[int]) -> dict[int, str]:
    rows = Account.objects.unscoped(_WHY).filter(pk__in=ids)
    return {row.pk: str(row) for row in rows}
