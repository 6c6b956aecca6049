"""What operations on subscriptions share."""

from collections.abc import Sequence

from hosting import locks
from panel.core.access import Actor
from panel.core.operations import Operation


class OnSubscriptions(Operation):
    """Done to subscriptions, which are locked together with what is above them."""

    noun = "subscription"
    area = "sites"

    def lock(self, actor: Actor, ids: Sequence[int]) -> None:
        locks.subscriptions(ids)
