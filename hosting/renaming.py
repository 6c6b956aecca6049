"""Renaming a domain: its own name, its subdomains', its subscription's. The home stays."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import F
from django.utils.translation import gettext_lazy as _

from accounts.models import sort_key
from hosting import creating, names, provisioning
from hosting.models.domains import Alias, Domain, HostingType
from hosting.models.subscriptions import Subscription
from hosting.validators import to_unicode
from panel.core import reasons
from panel.core.operations import Refused, Step

reasons.declare(name_too_long=_("%(name)s: a domain name has at most 253 characters."))
_WHY = "what is renamed along with a domain that the actor sees"
_LONGEST = 253


@dataclass(frozen=True)
class Change:
    """One domain and its new name; the alias of it that has that name so far, if one has."""

    row: Domain
    new: str
    alias: Alias | None = None


def changes(step: Step, row: Domain, new: str, *, keeps: bool) -> list[Change]:
    """The domain and its subdomains with their new names. Raises Refused for what stands against
    it; the subscription is locked, and the names are locked here."""
    below = Domain.objects.unscoped(_WHY).filter(parent=row).order_by("pk")
    wanted = [(row, new)]
    for site in below:
        wanted.append((site, f"{site.ascii.removesuffix('.' + row.ascii)}.{new}"))
    names.lock([name for site, name in wanted] + [site.ascii for site, _name in wanted])
    aliases = Alias.objects.unscoped(_WHY).filter(domain_id__in=[site.pk for site, _name in wanted])
    own = {(alias.domain_id, alias.ascii): alias for alias in aliases}
    found = []
    for site, name in wanted:
        alias = own.get((site.pk, name))
        if alias is None:
            _refuse_name(step, site, name)
        found.append(Change(site, name, alias))
    if row.hosting_type == HostingType.FORWARDING:
        creating.refuse_circle(row.forward_to, [new])
    more = sum(1 for change in found if change.alias is None) if keeps else 0
    if more:
        creating.refuse_full(step, row.subscription, "aliases", more)
    return found


def _refuse_name(step: Step, site: Domain, name: str) -> None:
    if len(name) > _LONGEST:
        raise Refused("name_too_long", name=to_unicode(name))
    creating.refuse_conflict(name, site.account_id, step.actor, site.subscription_id)


def rename(step: Step, found: Sequence[Change], *, keeps: bool) -> None:
    """Write the new names; with `keeps` the old ones stay as aliases that redirect."""
    met = [change.alias.pk for change in found if change.alias is not None]
    names.release(alias_id__in=met)
    Alias.objects.unscoped(_WHY).filter(pk__in=met).delete()
    for change in found:
        row, name = change.row, to_unicode(change.new)
        Domain.objects.unscoped(_WHY).filter(pk=row.pk).update(
            ascii=change.new, name=name, name_key=sort_key(name), version=F("version") + 1
        )
        names.rename(change.new, domain_id=row.pk)
        if keeps:
            _keep(row)
    main = found[0]
    if main.row.is_main:
        name = to_unicode(main.new)
        Subscription.objects.unscoped(_WHY).filter(pk=main.row.subscription_id).update(
            name=name, name_key=sort_key(name), version=F("version") + 1
        )
    provisioning.touch([main.row.subscription_id])
    creating.settle(step, [main.row.subscription], [change.row.pk for change in found])


def _keep(row: Domain) -> None:
    """The old name of a domain as an alias of it."""
    owners = {"account_id": row.account_id, "reseller_id": row.reseller_id}
    made = Alias.objects.create(
        subscription_id=row.subscription_id, domain=row, ascii=row.ascii, name=row.name, **owners
    )
    names.take(made)
