"""Operations on domains and aliases."""

from collections.abc import Sequence
from typing import Any

from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.versions import refuse_stale
from hosting import creating, locks, names, permissions, provisioning, suspension, told
from hosting.forms_domains import AddDomainForm, AddSubdomainForm, HostingSettingsForm
from hosting.models.domains import Alias, Domain, HostingType, SiteState
from hosting.models.subscriptions import Subscription
from hosting.models.suspension import PERSONAL
from hosting.operations.base import OnSubscriptions
from hosting.operations.removing import refuse_held, what_goes
from panel.core import reasons
from panel.core.access import Actor
from panel.core.operations import ANY_ROLE, MORE, Consequence, Operation, Refused, Step, register

reasons.declare(
    no_permission=_("The plan of %(name)s does not include this. Its provider can grant it."),
    no_permission_above=_(
        "You do not have the permission for this. The administrator can grant it."
    ),
    read_only=_("%(name)s is suspended: nothing in it can be changed until it is active."),
    main_domain=_("%(name)s is the main domain: remove the subscription instead."),
    site_off_above=_("Somebody above you switched this website off; only they can change that."),
)
_WHY = "rows of the targets, which the actor sees"


def refuse_without(step: Step, permission: str, subscriptions: dict[int, Subscription]) -> None:
    """Who is not the administrator needs the permission; customers an active subscription, too."""
    if step.actor.is_administrator:
        return
    without = permissions.lacking(set(subscriptions.values()), step.actor, permission)
    for row in step.open:
        subscription = subscriptions[row.pk]
        if subscription.pk in without and step.actor.is_reseller:
            step.refuse(row.pk, "no_permission_above")
        elif subscription.pk in without:
            step.refuse(row.pk, "no_permission", name=str(subscription))
        elif not step.actor.is_customer:
            continue
        elif subscription.is_suspended and not subscription.is_overuse_only:
            step.refuse(row.pk, "read_only", name=str(subscription))


@register
class AddDomain(OnSubscriptions):
    """An additional domain of a subscription."""

    verb = "add-domain"
    creates = "domain"
    label = _("Add Domain")
    roles = ANY_ROLE
    form_class = AddDomainForm
    bulk = False

    def check(self, step: Step) -> None:
        refuse_without(step, "manage_domains", {row.pk: row for row in step.open})

    def perform(self, step: Step) -> None:
        for row in step.open:
            try:
                made = creating.domain(step, row, step.params)
            except Refused as refused:
                step.refuse(row.pk, refused.code, **refused.params)
                continue
            step.created[row.pk] = made
            step.changed(row.pk, {}, about(made))


def about(made: Domain) -> dict[str, Any]:
    """A new domain, for the activity log."""
    if made.hosting_type == HostingType.FORWARDING:
        return {"name": made.name, "forward_to": made.forward_to}
    return {"name": made.name, "document_root": made.document_root}


class OnDomains(Operation):
    """On domains of subscriptions that are active, for those who have the permission."""

    noun = "domain"
    area = "sites"
    roles = ANY_ROLE
    permission = ""

    def lock(self, actor: Actor, ids: Sequence[int]) -> None:
        locks.domains(ids)

    def check(self, step: Step) -> None:
        found = Subscription.objects.unscoped(_WHY).in_bulk(
            {row.subscription_id for row in step.open}
        )
        for row in step.open:
            row.subscription = found[row.subscription_id]
        refuse_without(step, self.permission, {row.pk: row.subscription for row in step.open})


@register
class AddSubdomain(OnDomains):
    """A site of its own below a main or additional domain, in the same subscription."""

    verb = "add-subdomain"
    creates = "domain"
    label = _("Add Subdomain")
    form_class = AddSubdomainForm
    bulk = False
    permission = "manage_subdomains"

    def applies_to(self, target: Any, actor: Actor) -> bool:
        return target.parent_id is None

    def perform(self, step: Step) -> None:
        for row in step.open:
            try:
                made = creating.domain(step, row.subscription, step.params, parent=row)
            except Refused as refused:
                step.refuse(row.pk, refused.code, **refused.params)
                continue
            step.created[row.pk] = made
            step.changed(row.pk, {}, about(made))


@register
class HostingSettings(OnDomains):
    """Website, forwarding or nothing; where the files are, where it leads, which name is preferred.

    What was not given stays as it is.
    """

    verb = "hosting-settings"
    label = _("Hosting Settings")
    form_class = HostingSettingsForm
    bulk_group = MORE
    permission = "manage_hosting"
    order = 20

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        if len(targets) != 1:
            return {}
        row = targets[0]
        names = ("hosting_type", "document_root", "preferred_name", "forward_to", "version")
        found = {name: getattr(row, name) for name in names}
        return found | {"forward_code": str(row.forward_code)}

    def check(self, step: Step) -> None:
        super().check(step)
        refuse_stale(step, [self.noun], told.of_form(HostingSettingsForm))
        given = creating.hosting_values(step.params)
        names: dict[int, set[str]] = {row.pk: {row.ascii} for row in step.open}
        aliases = Alias.objects.unscoped(_WHY).filter(domain_id__in=list(names))
        for pk, name in aliases.values_list("domain_id", "ascii"):
            names[pk].add(name)
        for row in step.open:
            try:
                creating.refuse_circle(given.get("forward_to", ""), names[row.pk])
            except Refused as refused:
                step.refuse(row.pk, refused.code, **refused.params)
            if all(getattr(row, name) == value for name, value in given.items()):
                step.leave(row.pk)

    def perform(self, step: Step) -> None:
        given = creating.hosting_values(step.params)
        Domain.objects.unscoped(_WHY).filter(pk__in=step.open_ids).update(
            **given, version=F("version") + 1
        )
        provisioning.touch({row.subscription_id for row in step.open})
        for row in step.open:
            old = {n: getattr(row, n) for n, v in given.items() if getattr(row, n) != v}
            new = {name: given[name] for name in old}
            versions = {"version": row.version}, {"version": row.version + 1}
            step.changed(row.pk, old | versions[0], new | versions[1])


class _SetSiteState(OnDomains):
    """The website's own state; the subscription's suspension stands beside it."""

    group = _("Change Status")
    state: SiteState
    order = 30

    def applies_to(self, target: Any, actor: Actor) -> bool:
        return target.hosting_type != HostingType.NONE and target.site_state != self.state

    def is_done(self, target: Any) -> bool:
        return target.site_state == self.state

    def check(self, step: Step) -> None:
        super().check(step)
        for row in step.open:
            own = PERSONAL.index(suspension.level_of(step.actor, row))
            if row.site_state_level and PERSONAL.index(row.site_state_level) < own:
                step.refuse(row.pk, "site_off_above")

    def perform(self, step: Step) -> None:
        by_level: dict[str, list[int]] = {}
        for row in step.open:
            level = "" if self.state == SiteState.ACTIVE else suspension.level_of(step.actor, row)
            by_level.setdefault(str(level), []).append(row.pk)
        for level, ids in by_level.items():
            Domain.objects.unscoped(_WHY).filter(pk__in=ids).update(
                site_state=self.state, site_state_level=level, version=F("version") + 1
            )
        provisioning.touch({row.subscription_id for row in step.open})
        for row in step.open:
            step.changed(row.pk, {"site_state": row.site_state}, {"site_state": str(self.state)})


@register
class SuspendSite(_SetSiteState):
    verb = "suspend"
    label = _("Suspend")
    state = SiteState.SUSPENDED


@register
class DisableSite(_SetSiteState):
    verb = "disable"
    label = _("Disable")
    confirm = "always"
    state = SiteState.DISABLED
    order = 31

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        return [
            Consequence(_("The web server no longer knows their names."), "warn"),
            Consequence(_("Mail to their addresses is refused, and senders are told so."), "warn"),
            Consequence(_("Files and mailboxes stay as they are.")),
        ]


@register
class ActivateSite(_SetSiteState):
    verb = "activate"
    label = _("Activate")
    state = SiteState.ACTIVE
    order = 32


@register
class RemoveDomain(OnDomains):
    """An additional domain with its subdomains and aliases, or a subdomain, at once. A main domain
    goes with its subscription."""

    verb = "remove"
    label = _("Remove")
    confirm = "always"
    destructive = True
    permission = "manage_domains"
    order = 90

    def offered(self, target: Any, actor: Actor) -> bool:
        return not target.is_main

    def check(self, step: Step) -> None:
        super().check(step)
        refuse_held(step)
        for row in step.open:
            if row.is_main:
                step.refuse(row.pk, "main_domain", name=str(row))

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        chosen = rows.values("pk")
        every = Domain.objects.visible_to(actor).filter(Q(pk__in=chosen) | Q(parent_id__in=chosen))
        aliases = Alias.objects.visible_to(actor).filter(domain_id__in=every.values("pk"))
        goes = what_goes({"domains": every.count(), "aliases": aliases.count()})
        return [
            Consequence(_("These go at once, with what they serve:"), "warn", goes),
            Consequence(_("The files stay in the subscription's home."), "info"),
        ]

    def perform(self, step: Step) -> None:
        every = Domain.objects.unscoped(_WHY)
        below = every.filter(parent_id__in=step.open_ids)
        ids = [*step.open_ids, *below.values_list("pk", flat=True)]
        aliases = Alias.objects.unscoped(_WHY).filter(domain_id__in=ids)
        names.release(alias_id__in=aliases.values("pk"))
        names.release(domain_id__in=ids)
        aliases.delete()
        below.delete()
        every.filter(pk__in=ids).delete()
        provisioning.touch({row.subscription_id for row in step.open})
        creating.settle(step, [row.subscription for row in step.open], ids)
