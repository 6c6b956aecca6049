"""From rows to what the web server should have: names, redirects, document roots, states."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Q

from hosting.models.domains import Alias, AliasMode, Domain, HostingType

_WHY = "the worker provisions everybody's subscriptions"
_LONGEST_NAME = 253


def desired(subscription_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """All sites of these subscriptions, by subscription. Two queries, however many there are."""
    sites: dict[int, list[dict[str, Any]]] = {pk: [] for pk in subscription_ids}
    same, redirecting = _aliases(subscription_ids)
    # What was removed with its subscription stays known until the purge: it answers 503, as what is
    # suspended does, and not as a name that nobody has.
    kept = Q(removing_at=None) | Q(subscription__removing_at__isnull=False)
    domains = (
        Domain.objects.unscoped(_WHY)
        .filter(
            kept,
            subscription_id__in=subscription_ids,
            hosting_type=HostingType.WEBSITE,
        )
        .order_by("pk")
        .values_list("pk", "subscription_id", "ascii", "name", "document_root", "site_state")
    )
    for pk, subscription_id, ascii_name, title, document_root, state in domains:
        sites[subscription_id].append(
            {
                "id": pk,
                "name": ascii_name,
                "names": _with_www([ascii_name, *same[pk]]),
                "redirects": _with_www(redirecting[pk]),
                "document_root": document_root,
                "state": state,
                "title": title,
            }
        )
    return {pk: {"sites": found} for pk, found in sites.items()}


def _aliases(
    subscription_ids: Sequence[int],
) -> tuple[dict[int, list[str]], dict[int, list[str]]]:
    """Names of aliases by domain: those that are the same site, and those that lead to it."""
    same: dict[int, list[str]] = defaultdict(list)
    redirecting: dict[int, list[str]] = defaultdict(list)
    rows = (
        Alias.objects.unscoped(_WHY)
        .filter(subscription_id__in=subscription_ids)
        .order_by("pk")
        .values_list("domain_id", "ascii", "mode")
    )
    for domain_id, ascii_name, mode in rows:
        (same if mode == AliasMode.SAME else redirecting)[domain_id].append(ascii_name)
    return same, redirecting


def _with_www(names: Iterable[str]) -> list[str]:
    """Each name and its www, where that is still a name."""
    return [each for name in names for each in (name, f"www.{name}") if len(each) <= _LONGEST_NAME]
