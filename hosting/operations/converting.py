"""Convert a customer to a reseller, and back."""

from collections.abc import Sequence
from typing import Any

from django.db.models import F
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import Account
from hosting import conversion, demand, limits, locks, rehoming, sync
from hosting.forms_moving import ConvertBackForm, ConvertForm
from hosting.models.plans import Plan
from hosting.models.subscriptions import Subscription
from hosting.operations.moving import (
    chosen_plans,
    plans_foreseen,
    plans_of,
    write_down,
)
from hosting.operations.planning import named
from hosting.operations.removing import refuse_with_customers
from hosting.operations.reseller_values import over_words
from hosting.services import base
from panel.core import reasons
from panel.core.access import Actor, Role
from panel.core.operations import ADMINISTRATOR, Consequence, Operation, Step, nouns, register

reasons.declare(
    still_has_customers=_("It still has customers: %(names)s. Move them first."),
    still_has_customers_action=_("Move the customers…"),
    still_has_removed=_(
        "Customers of it were removed and wait to be purged: %(names)s. Purge or restore them"
        " first."
    ),
)
_WHY = "what hangs on the targets, which the administrator sees"


class _Convert(Operation):
    """Another role for accounts, with everything below them."""

    roles = ADMINISTRATOR
    review = True
    order = 61

    def lock(self, actor: Actor, ids: Sequence[int]) -> None:
        # The administrator's own row too: it becomes, or stays, the provider.
        locks.accounts([actor.account_id, *ids])
        locks.subscriptions(list(rehoming.subscriptions_of(ids).values_list("pk", flat=True)))

    def landing(self, actor: Actor, target_id: int, created: Any) -> str:
        """Its page under what it is now."""
        row = Account.objects.visible_to(actor).filter(pk=target_id).first()
        return nouns[row.role].url(row.pk) if row is not None else ""


@register
class ConvertToReseller(_Convert):
    """The subscriptions stay, now its own; links to the old provider's plans are cut, values stay.

    Never refused for its limits: a reseller that uses more than its plan gives shows as overused.
    """

    noun = "customer"
    verb = "convert-to-reseller"
    label = _("Convert to Reseller")
    bulk_label = _("Convert to Resellers")
    item_form_class = ConvertForm

    def check(self, step: Step) -> None:
        administrator = Account.objects.unscoped(_WHY).get(pk=step.actor.account_id)
        step.params["administrator"] = administrator
        chosen_plans(step, administrator)
        rehoming.refuse_taken_external_ids(step, administrator)

    def foresee(self, step: Step) -> list[Consequence]:
        rows = step.open
        text = ngettext(
            "%(n)s customer becomes a reseller under the administrator. Its subscriptions stay, now"
            " its own; links to service plans are cut, values stay.",
            "%(n)s customers become resellers under the administrator. Their subscriptions stay,"
            " now their own; links to service plans are cut, values stay.",
            len(rows),
        )
        found = [Consequence(text % {"n": f"{len(rows):,}"}, "info", named(rows))]
        values = _reseller_values(step)
        used = demand.of_customers(step.open_ids)
        for asked in used.values():
            # It is no customer of itself.
            del asked.amounts["customers"]
        over = {row: over_words(values[row.pk]["limits"], used[row.pk].amounts) for row in rows}
        if lines := [f"{row}: {'; '.join(words)}" for row, words in over.items() if words]:
            warned = _("These will be overused: nothing stops, but they cannot add:")
            found.append(Consequence(warned, "warn", lines))
        plans = plans_of(step)
        empty = [
            row
            for row in rows
            if plans.get(row.pk) is None and not used[row.pk].amounts["subscriptions"]
        ]
        if empty:
            warned = _("These have no subscription to sum up, so Custom plan gives them nothing:")
            found.append(Consequence(warned, "warn", named(empty)))
        return found

    def perform(self, step: Step) -> None:
        rows, ids = step.open, step.open_ids
        administrator = step.params["administrator"]
        before = [row.provider_id for row in rows]
        providers = Account.objects.unscoped(_WHY).in_bulk(before)
        values, plans = _reseller_values(step), plans_of(step)
        recount = rehoming.take_plans(ids, {})
        for row in rows:
            given = values[row.pk]
            for name, value in given.items():
                setattr(row, name, value)
            shown = {name: given[name] for name in ("limits", "permissions")}
            write_down(
                step,
                row,
                str(providers[row.provider_id]),
                administrator,
                plans.get(row.pk),
                reseller_id=row.pk,
                **shown,
            )
        stored = Account.objects.unscoped(_WHY)
        stored.bulk_update(rows, ["plan_id", "is_locked", *sync.RESELLER_FIELDS], batch_size=500)
        # Sessions rested on another role: they end.
        stored.filter(pk__in=ids).update(
            role=Role.RESELLER,
            provider=administrator,
            version=F("version") + 1,
            epoch=F("epoch") + 1,
        )
        rehoming.pass_on_levels(ids)
        rehoming.settle(step, ids, before, recount)


def _reseller_values(step: Step) -> dict[int, dict[str, Any]]:
    """What each target gets: its plan's values, or the sum with the preset of what only resellers
    have."""
    plans = plans_of(step)
    custom = [pk for pk in step.open_ids if plans.get(pk) is None]
    found = {
        pk: {"plan_id": plan.pk, "is_locked": False, **sync.values_of(plan)}
        for pk, plan in plans.items()
        if plan is not None
    }
    for pk, summed in conversion.sums(custom).items():
        summed["limits"] |= step.items[pk]["limits"]
        found[pk] = {"plan_id": None, "is_locked": False, **summed}
    return found


@register
class ConvertToCustomer(_Convert):
    """Refused, with names, while it has customers. Its own plans go; what was unlimited in its
    subscriptions becomes the unused rest of its limits."""

    noun = "reseller"
    verb = "convert-to-customer"
    label = _("Convert to Customer")
    bulk_label = _("Convert to Customers")
    item_form_class = ConvertBackForm

    def check(self, step: Step) -> None:
        refuse_with_customers(step, "still_has_customers", "still_has_removed")
        administrator = Account.objects.unscoped(_WHY).get(pk=step.actor.account_id)
        step.params["administrator"] = administrator
        chosen_plans(step, administrator)

    def foresee(self, step: Step) -> list[Consequence]:
        rows = step.open
        text = ngettext(
            "%(n)s reseller becomes a customer of the administrator and keeps its subscriptions.",
            "%(n)s resellers become customers of the administrator and keep their subscriptions.",
            len(rows),
        )
        found = [
            Consequence(text % {"n": f"{len(rows):,}"}, "info", named(rows)),
            *plans_foreseen(step),
        ]
        lines = [line for row in rows for line in self._bounds(step, row)]
        if lines:
            warned = _("What is unlimited becomes the unused rest of the reseller's limits:")
            found.append(Consequence(warned, "warn", lines))
        plans = Plan.objects.visible_to(step.actor).filter(account_id__in=step.open_ids)
        if names := [str(plan) for plan in plans.order_by("name_key", "pk")]:
            found.append(Consequence(_("These service plans of its own go:"), "warn", named(names)))
        return found

    def _bounds(self, step: Step, row: Account) -> list[str]:
        """Which limits of which subscriptions get a number, in words."""
        if plans_of(step).get(row.pk) is not None:
            return []
        rows = _own(row)
        declared = base.resources()
        kept = conversion.bounded(row, rows)
        return [
            f"{one}: {declared[name].label} {limits.shown(declared[name], limit)}"
            for one in rows
            for name, limit in kept[one.pk]["limits"].items()
            if name in declared and limits.limit_of(one.limits, name) != limit
        ]

    def perform(self, step: Step) -> None:
        rows, ids = step.open, step.open_ids
        plans = plans_of(step)
        changed = []
        for row in rows:
            own = _own(row)
            kept = conversion.bounded(row, own)
            for one in own:
                one.limits, one.permissions = kept[one.pk]["limits"], kept[one.pk]["permissions"]
            changed += own
            step.changed(
                row.pk,
                {"limits": row.limits, "permissions": row.permissions},
                {"plan": str(plans.get(row.pk) or _("Custom plan"))},
            )
        subscriptions = Subscription.objects.unscoped(_WHY)
        subscriptions.bulk_update(changed, ["limits", "permissions"], batch_size=500)
        recount = rehoming.take_plans(ids, plans)
        gone = Plan.objects.unscoped(_WHY).filter(account_id__in=ids)
        step.index("plan", list(gone.values_list("pk", flat=True)))
        gone.delete()
        Account.objects.unscoped(_WHY).filter(pk__in=ids).update(
            role=Role.CUSTOMER,
            limits={},
            permissions=[],
            applications=None,
            plan_id=None,
            is_locked=False,
            is_overused=False,
            usage={},
            customers_count=0,
            buy_more_url="",
            version=F("version") + 1,
            epoch=F("epoch") + 1,
        )
        rehoming.pass_on_levels(ids)
        for row in rows:
            # Nobody but the administrator was above it, or is.
            row.reseller_id = None
        rehoming.settle(step, ids, [], recount)


def _own(reseller: Account) -> list[Subscription]:
    """A reseller's own subscriptions; those in the trash may come back."""
    rows = rehoming.subscriptions_of([reseller.pk]).select_related("reseller")
    return list(rows.order_by("pk"))
