"""Operations on aliases: another name for a domain, never a site of its own."""

from collections.abc import Sequence
from typing import Any

from django.db.models import F
from django.utils.translation import gettext_lazy as _

from accounts.versions import refuse_stale
from hosting import creating, locks, names, provisioning, told
from hosting.forms_domains import AddAliasForm, EditAliasForm, RenameAliasForm
from hosting.models.domains import Alias, Domain, HostingType
from hosting.operations.domains import OnDomains, refuse_without
from hosting.operations.removing import refuse_held
from hosting.services import base
from hosting.validators import to_unicode
from panel.core.access import Actor
from panel.core.operations import ANY_ROLE, Consequence, Operation, Refused, Step, register

_WHY = "rows of the targets, which the actor sees"
_OPTIONS = ("mode", "has_mail", "syncs_dns")


@register
class AddAlias(OnDomains):
    """Another name for a domain: redirecting to it, or the same site; with its mail and zone."""

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
            new = {name: getattr(made, name) for name in _OPTIONS}
            step.changed(row.pk, {}, {"alias": made.name, **new})

    def landing(self, actor: Actor, target_id: int, created: Any) -> str:
        return f"/domains/{target_id}/"


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
        return {name: getattr(targets[0], name) for name in (*_OPTIONS, "version")}

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        return base.alias_consequences(actor, rows)

    def check(self, step: Step) -> None:
        super().check(step)
        refuse_stale(step, [self.noun], told.of_form(EditAliasForm))
        given = self._given(step)
        for row in step.open:
            if all(getattr(row, name) == value for name, value in given.items()):
                step.leave(row.pk)

    def _given(self, step: Step) -> dict[str, Any]:
        """What it should be; a mode that was not given stays."""
        return {name: step.params[name] for name in _OPTIONS if step.params[name] != ""}

    def perform(self, step: Step) -> None:
        given = self._given(step)
        Alias.objects.unscoped(_WHY).filter(pk__in=step.open_ids).update(
            **given, version=F("version") + 1
        )
        provisioning.touch({row.subscription_id for row in step.open})
        parents = [row.domain for row in step.open]
        creating.settle(step, [row.subscription for row in parents], [])
        for row in step.open:
            old = {n: getattr(row, n) for n, v in given.items() if getattr(row, n) != v}
            new = {name: given[name] for name in old}
            versions = {"version": row.version}, {"version": row.version + 1}
            step.changed(row.pk, old | versions[0], new | versions[1])


@register
class RenameAlias(_OnAliases):
    """Another name in its place, with the same options and the same zone under the new name."""

    verb = "rename"
    label = _("Rename")
    form_class = RenameAliasForm
    bulk = False
    review = True
    order = 25

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        return {"name": targets[0].name}

    def check(self, step: Step) -> None:
        super().check(step)
        refuse_held(step)
        name = step.params["name"]
        for row in step.open:
            if row.ascii == name:
                step.leave(row.pk)
                continue
            try:
                creating.refuse_name(name, row.account_id, step.actor, row.subscription_id)
                if row.domain.hosting_type == HostingType.FORWARDING:
                    creating.refuse_circle(row.domain.forward_to, [name])
            except Refused as refused:
                step.refuse(row.pk, refused.code, **refused.params)

    def foresee(self, step: Step) -> list[Consequence]:
        given_up = _("The old name is given up: nobody reaches the site by it any more.")
        return [Consequence(given_up, "warn", [row.name for row in step.open])]

    def perform(self, step: Step) -> None:
        for row in step.open:
            new = {"ascii": step.params["name"], "name": to_unicode(step.params["name"])}
            stored = Alias.objects.unscoped(_WHY).filter(pk=row.pk)
            stored.update(**new, version=F("version") + 1)
            names.rename(new["ascii"], alias_id=row.pk)
            step.changed(row.pk, {"name": row.name}, {"name": new["name"]})
        provisioning.touch({row.subscription_id for row in step.open})
        parents = [row.domain for row in step.open]
        creating.settle(step, [row.subscription for row in parents], [row.pk for row in parents])


@register
class RemoveAlias(_OnAliases):
    verb = "remove"
    label = _("Remove")
    confirm = "always"
    destructive = True
    order = 90

    def check(self, step: Step) -> None:
        super().check(step)
        refuse_held(step)

    def perform(self, step: Step) -> None:
        names.release(alias_id__in=step.open_ids)
        Alias.objects.unscoped(_WHY).filter(pk__in=step.open_ids).delete()
        provisioning.touch({row.subscription_id for row in step.open})
        parents = [row.domain for row in step.open]
        creating.settle(step, [row.subscription for row in parents], [row.pk for row in parents])
