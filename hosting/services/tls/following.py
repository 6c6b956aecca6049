"""Certificates follow names: new sites get one where their plan says so or who adds them chose it,
renamed ones another."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.utils import timezone

from hosting.models.domains import Domain, HostingType
from hosting.models.nodes import Node
from hosting.models.subscriptions import Subscription
from hosting.services.tls import issuing, new_sites, settings
from hosting.services.tls.models import Certificate
from hosting.services.tls.rules import EXTENT_OF_NEW, is_reached
from hosting.services.tls.setting_name import SETTING

_WHY = "certificates follow everybody's names"
# What this operation touched, and did not stand there at some earlier time, is new.
_NEW = timedelta(minutes=1)


def names_changed(step: Any, subscription_ids: Sequence[int]) -> None:
    """See `ServiceConfig.names_source`."""
    if outdated := issuing.outdated(subscription_ids):
        issuing.order(outdated, None)
    chosen = step.params.get(new_sites.NAME) if step is not None else new_sites.AS_PLANNED
    if chosen == new_sites.NONE:
        return
    rows = Subscription.objects.unscoped(_WHY).filter(pk__in=subscription_ids, removing_at=None)
    is_wished = chosen == new_sites.ISSUE
    wishing = {row.pk: row for row in rows if is_wished or row.settings.get(SETTING)}
    if not wishing or settings.why_not():
        return
    nodes = Node.objects.in_bulk({row.node_id for row in wishing.values()})
    reached = [pk for pk, row in wishing.items() if is_reached(nodes[row.node_id])]
    new = Domain.objects.unscoped(_WHY).filter(
        subscription_id__in=reached,
        **({} if step is None else {"pk__in": step.reindex.get("domain", ())}),
        created_at__gte=timezone.now() - _NEW,
        removing_at=None,
        hosting_type__in=[HostingType.WEBSITE, HostingType.FORWARDING],
    )
    has_one = Certificate.objects.unscoped(_WHY).filter(subscription_id__in=reached)
    domains = list(new.exclude(pk__in=has_one.values("domain_id")).order_by("pk"))
    if domains:
        issuing.order(domains, list(EXTENT_OF_NEW))
