"""A customer's own suspension of a subscription: switching hosting off, and on again.

A provider that keeps a subscription for itself has Suspend and Activate for the same.
"""

from typing import Any

from django.utils.translation import gettext_lazy as _

from hosting import suspension
from hosting.models.suspension import Level, SuspensionEntry
from hosting.operations.base import OnSubscriptions
from panel.core.access import Actor, Role
from panel.core.operations import MORE, Step, register


class _OwnSwitch(OnSubscriptions):
    """The subscriber's own suspension: nobody's activation undoes it, and it undoes nobody's."""

    roles = frozenset({Role.CUSTOMER})
    bulk_group = MORE
    confirm = "many"
    order = 60

    def mine(self, step: Step) -> Any:
        return SuspensionEntry.objects.filter(
            subscription_id__in=step.open_ids, level=Level.CUSTOMER
        )


@register
class SwitchHostingOff(_OwnSwitch):
    verb = "switch-off"
    label = _("Switch hosting off")

    def applies_to(self, target: Any, actor: Actor) -> bool:
        return target.account_id == actor.account_id

    def check(self, step: Step) -> None:
        for pk in self.mine(step).values_list("subscription_id", flat=True):
            step.leave(pk, "suspended_already")

    def perform(self, step: Step) -> None:
        SuspensionEntry.objects.bulk_create(
            SuspensionEntry(
                subscription_id=pk,
                level=Level.CUSTOMER,
                by_name=step.actor.username,
                run_id=step.run_id,
            )
            for pk in step.open_ids
        )
        suspension.recompute(subscriptions=step.open_ids)


@register
class SwitchHostingOn(_OwnSwitch):
    verb = "switch-on"
    label = _("Switch hosting on")
    order = 61

    def is_done(self, target: Any) -> bool:
        return not target.is_suspended

    def applies_to(self, target: Any, actor: Actor) -> bool:
        if target.account_id != actor.account_id or not target.is_suspended:
            return False
        return target.suspensions.filter(level=Level.CUSTOMER).exists()

    def check(self, step: Step) -> None:
        present = set(self.mine(step).values_list("subscription_id", flat=True))
        for pk in step.open_ids:
            if pk not in present:
                step.leave(pk, "active_already")

    def perform(self, step: Step) -> None:
        self.mine(step).delete()
        suspension.recompute(subscriptions=step.open_ids)
