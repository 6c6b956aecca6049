"""From rows to what a node should run of PHP: sites, each with its version and settings."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Q

from hosting.models.domains import Domain, HostingType, SiteState
from hosting.models.subscriptions import Subscription
from hosting.services.php import parameters
from hosting.services.php.driver_table import NEWEST
from hosting.services.php.models import DomainPhp

_WHY = "the worker provisions everybody's subscriptions"


def desired(subscription_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """PHP of all sites of these subscriptions. Three queries, however many there are.

    What is suspended keeps its pools: they have no process while nobody asks, and nobody gets
    through to them.
    """
    every = Subscription.objects.unscoped(_WHY).filter(pk__in=subscription_ids)
    settings = dict(every.values_list("pk", "settings"))
    own = {
        row.domain_id: row
        for row in DomainPhp.objects.unscoped(_WHY).filter(subscription_id__in=subscription_ids)
    }
    # What was removed with its subscription stays until the purge, as on the web server.
    kept = Q(removing_at=None) | Q(subscription__removing_at__isnull=False)
    rows = (
        Domain.objects.unscoped(_WHY)
        .filter(kept, subscription_id__in=subscription_ids, hosting_type=HostingType.WEBSITE)
        .exclude(site_state=SiteState.DISABLED)
        .order_by("pk")
        .values_list("pk", "subscription_id")
    )
    found: dict[int, dict[str, Any]] = {
        pk: {"children": parameters.children(settings.get(pk, {})), "sites": []}
        for pk in subscription_ids
    }
    for pk, subscription_id in rows:
        site = _site(pk, settings.get(subscription_id, {}), own.get(pk))
        if site is not None:
            found[subscription_id]["sites"].append(site)
    return found


def _site(pk: int, settings: dict[str, Any], own: DomainPhp | None) -> dict[str, Any] | None:
    """One site as the agent takes it; None without PHP."""
    if not parameters.is_on(settings) or (own is not None and not own.is_on):
        return None
    values = parameters.given_by_plan(settings)
    if own is not None:
        values |= parameters.sound(own.settings)
    return {"id": pk, "version": own.php_version if own else NEWEST, "values": values}


def purge(subscription_ids: Sequence[int]) -> None:
    """See `ServiceConfig.purge_source`."""
    DomainPhp.objects.unscoped(_WHY).filter(subscription_id__in=subscription_ids).delete()
