"""From rows to what the web server should have: names, redirects, document roots, states."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Q

from hosting.models.domains import Alias, AliasMode, Domain, HostingType, PreferredName
from hosting.models.subscriptions import Subscription
from hosting.services.mail import programs
from hosting.services.tls import desired as tls

# The parameter of hosting that a plan sets.
RATE = "web_rate"
_WHY = "the worker provisions everybody's subscriptions"
_LONGEST_NAME = 253
_SERVED = (HostingType.WEBSITE, HostingType.FORWARDING)
_COLUMNS = (
    *("pk", "subscription_id", "ascii", "name", "document_root", "site_state", "hosting_type"),
    "parent_id",
    *("preferred_name", "forward_to", "forward_code", "https_redirect", "hsts", "directives"),
)


def desired(subscription_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """All sites of these subscriptions, by subscription. A constant number of queries."""
    secured = tls.parts(subscription_ids)
    sites: dict[int, list[dict[str, Any]]] = {pk: [] for pk in subscription_ids}
    same, redirecting = _aliases(subscription_ids)
    # What was removed with its subscription stays known until the purge: it answers 503, as what is
    # suspended does, and not as a name that nobody has.
    kept = Q(removing_at=None) | Q(subscription__removing_at__isnull=False)
    domains = (
        Domain.objects.unscoped(_WHY)
        .filter(kept, subscription_id__in=subscription_ids, hosting_type__in=_SERVED)
        .order_by("pk")
        .values(*_COLUMNS)
    )
    for row in domains:
        site = _site(row, same[row["pk"]], redirecting[row["pk"]])
        part = secured[row["subscription_id"]]
        if chosen := part.choose(row["pk"], row["parent_id"], row["ascii"]):
            site["certificate"] = chosen
        sites[row["subscription_id"]].append(site)
    rates = _rates(subscription_ids)
    mail = programs.told(subscription_ids)
    return {
        pk: {"sites": found, **rates.get(pk, {}), **secured[pk].said()}
        | ({"mail": mail[pk]} if pk in mail else {})
        for pk, found in sites.items()
    }


def _rates(subscription_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """How much a connection gets, where that is limited."""
    rows = Subscription.objects.unscoped(_WHY).filter(pk__in=subscription_ids)
    found = ((pk, given.get(RATE)) for pk, given in rows.values_list("pk", "settings"))
    return {pk: {"rate": rate} for pk, rate in found if rate}


def _site(row: dict[str, Any], same: list[str], redirecting: list[str]) -> dict[str, Any]:
    """One domain as the agent takes it; what is not needed is not said."""
    preferred = PreferredName.ASKED
    if row["hosting_type"] == HostingType.WEBSITE:
        preferred = row["preferred_name"]
    names, moves = _by_preference([row["ascii"], *same], preferred)
    site = {
        "id": row["pk"],
        "name": row["ascii"],
        "names": names,
        "redirects": _with_www(redirecting),
        "state": row["site_state"],
        "title": row["name"],
    }
    if moves:
        site["moves"] = moves
    if row["hosting_type"] == HostingType.FORWARDING:
        return site | {"forward": {"to": row["forward_to"], "code": row["forward_code"]}}
    if row["https_redirect"]:
        site |= {"https": True, "hsts": row["hsts"]}
    if row["directives"]:
        site |= {"directives": row["directives"]}
    return site | {"document_root": row["document_root"]}


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


def _by_preference(names: Iterable[str], preferred: str) -> tuple[list[str], list[list[str]]]:
    """Names that answer, and names that lead to their twin: with www or without, as preferred.

    A name so long that there is none with www before it answers by itself.
    """
    if preferred == PreferredName.ASKED:
        return _with_www(names), []
    answering, moves = [], []
    for name in names:
        both = _with_www([name])
        chosen = both[-1] if preferred == PreferredName.WWW else name
        answering.append(chosen)
        moves += [[other, chosen] for other in both if other != chosen]
    return answering, moves


def _with_www(names: Iterable[str]) -> list[str]:
    """Each name and its www, where that is still a name."""
    return [each for name in names for each in (name, f"www.{name}") if len(each) <= _LONGEST_NAME]
