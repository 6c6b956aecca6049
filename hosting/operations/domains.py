"""Operations on domains and aliases."""

from collections.abc import Sequence
from typing import Any

from django.db.models import F
from django.utils.translation import gettext_lazy as _

from hosting import creating, locks, names, permissions, provisioning, suspension
from hosting.forms import AddAliasForm, AddDomainForm, EditAliasForm, SiteForm
from hosting.models.domains import Alias, AliasMode, Domain, HostingType, SiteState
from hosting.models.subscriptions import Subscription
from hosting.models.suspension import PERSONAL
from hosting.operations.removing import refuse_held
from hosting.operations.subscriptions import refuse_stale
from panel.core import reasons
from panel.core.access import Actor
from panel.core.operations import ANY_ROLE, Consequence, Operation, Refused, Step, register

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
class AddDomain(Operation):
    """An additional domain of a subscription."""

    noun = "subscription"
    verb = "add-domain"
    creates = "domain"
    label = _("Add Domain")
    area = "sites"
    roles = ANY_ROLE
    form_class = AddDomainForm
    bulk = False

    def lock(self, actor: Actor, ids: Sequence[int]) -> None:
        locks.subscriptions(ids)

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
            step.changed(row.pk, {}, {"name": made.name, "document_root": made.document_root})


class _OnDomains(Operation):
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
class AddAlias(_OnDomains):
    """Another name for a domain: redirecting to it, or the same site."""

    verb = "add-alias"
    creates = "alias"
    label = _("Add Domain Alias")
    form_class = AddAliasForm
    bulk = False
    permission = "manage_aliases"

    def perform(self, step: Step) -> None:
        for row in step.open:
            try:
                made = creating.alias(step, row, step.params)
            except Refused as refused:
                step.refuse(row.pk, refused.code, **refused.params)
                continue
            step.created[row.pk] = made
            step.changed(row.pk, {}, {"alias": made.name, "mode": made.mode})

    def landing(self, actor: Actor, target_id: int, created: Any) -> str:
        return f"/domains/{target_id}/"


@register
class HostingSettings(_OnDomains):
    """Where the site's files are."""

    verb = "hosting-settings"
    label = _("Hosting Settings")
    form_class = SiteForm
    bulk = False
    permission = "manage_hosting"
    order = 20

    def applies_to(self, target: Any, actor: Actor) -> bool:
        return target.hosting_type == HostingType.WEBSITE

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        return {"document_root": targets[0].document_root, "version": targets[0].version}

    def check(self, step: Step) -> None:
        super().check(step)
        refuse_stale(step)
        for row in step.open:
            if row.document_root == step.params["document_root"]:
                step.leave(row.pk)

    def perform(self, step: Step) -> None:
        root = step.params["document_root"]
        Domain.objects.unscoped(_WHY).filter(pk__in=step.open_ids).update(
            document_root=root, version=F("version") + 1
        )
        provisioning.touch({row.subscription_id for row in step.open})
        for row in step.open:
            step.changed(row.pk, {"document_root": row.document_root}, {"document_root": root})


class _SetSiteState(_OnDomains):
    """The website's own state; the subscription's suspension stands beside it."""

    group = _("Change Status")
    state: SiteState
    order = 30

    def applies_to(self, target: Any, actor: Actor) -> bool:
        return target.hosting_type == HostingType.WEBSITE and target.site_state != self.state

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
    state = SiteState.DISABLED
    order = 31


@register
class ActivateSite(_SetSiteState):
    verb = "activate"
    label = _("Activate")
    state = SiteState.ACTIVE
    order = 32


@register
class RemoveDomain(_OnDomains):
    """An additional domain with its aliases, at once. A main domain goes with its subscription."""

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
        refuse_held(step, "domain")
        for row in step.open:
            if row.is_main:
                step.refuse(row.pk, "main_domain", name=str(row))

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        aliases = Alias.objects.visible_to(actor).filter(domain_id__in=rows.values("pk")).count()
        return [
            Consequence(_("The website and %(n)s aliases go at once.") % {"n": aliases}, "warn"),
            Consequence(_("The files stay in the subscription's home."), "info"),
        ]

    def perform(self, step: Step) -> None:
        ids = step.open_ids
        aliases = Alias.objects.unscoped(_WHY).filter(domain_id__in=ids)
        names.release(alias_id__in=aliases.values("pk"))
        names.release(domain_id__in=ids)
        aliases.delete()
        Domain.objects.unscoped(_WHY).filter(pk__in=ids).delete()
        provisioning.touch({row.subscription_id for row in step.open})
        creating.settle(step, [row.subscription for row in step.open], ids)


class _OnAliases(Operation):
    noun = "alias"
    area = "sites"
    roles = ANY_ROLE

    def lock(self, actor: Actor, ids: Sequence[int]) -> None:
        rows = Alias.objects.unscoped(_WHY).filter(pk__in=ids)
        locks.domains(rows.values_list("domain_id", flat=True))
        super().lock(actor, ids)

    def check(self, step: Step) -> None:
        rows = Domain.objects.unscoped(_WHY).select_related("subscription")
        found = rows.in_bulk({row.domain_id for row in step.open})
        for row in step.open:
            row.domain = found[row.domain_id]
        refuse_without(
            step, "manage_aliases", {row.pk: row.domain.subscription for row in step.open}
        )

    def landing(self, actor: Actor, target_id: int, created: Any) -> str:
        alias = Alias.objects.visible_to(actor).filter(pk=target_id).first()
        return f"/domains/{alias.domain_id}/" if alias else ""


@register
class EditAlias(_OnAliases):
    verb = "edit"
    label = _("Edit")
    form_class = EditAliasForm
    bulk = False
    order = 20

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        return {"mode": targets[0].mode}

    def check(self, step: Step) -> None:
        super().check(step)
        for row in step.open:
            if row.mode == step.params["mode"]:
                step.leave(row.pk)

    def perform(self, step: Step) -> None:
        mode = AliasMode(step.params["mode"])
        Alias.objects.unscoped(_WHY).filter(pk__in=step.open_ids).update(
            mode=mode, version=F("version") + 1
        )
        provisioning.touch({row.subscription_id for row in step.open})
        for row in step.open:
            step.changed(row.pk, {"mode": row.mode}, {"mode": str(mode)})


@register
class RemoveAlias(_OnAliases):
    verb = "remove"
    label = _("Remove")
    confirm = "always"
    destructive = True
    order = 90

    def check(self, step: Step) -> None:
        super().check(step)
        refuse_held(step, "alias")

    def perform(self, step: Step) -> None:
        names.release(alias_id__in=step.open_ids)
        Alias.objects.unscoped(_WHY).filter(pk__in=step.open_ids).delete()
        provisioning.touch({row.subscription_id for row in step.open})
        parents = [row.domain for row in step.open]
        creating.settle(step, [row.subscription for row in parents], [row.pk for row in parents])
