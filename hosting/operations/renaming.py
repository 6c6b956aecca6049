"""Rename a domain, and with a main domain its subscription: the one is named by the other."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from hosting import locks, renaming
from hosting.forms_domains import RenameForm
from hosting.models.domains import Domain
from hosting.operations.domains import refuse_without
from hosting.operations.removing import refuse_held
from hosting.validators import to_unicode
from panel.core.access import Actor
from panel.core.operations import ANY_ROLE, Consequence, Operation, Refused, Step, register

_WHY = "rows of the targets, which the actor sees"


class _Rename(Operation):
    """Another name for a domain. Its subdomains follow, files and system user stay; the old names
    stay as aliases that redirect, unless one says otherwise."""

    verb = "rename"
    label = _("Rename")
    area = "sites"
    roles = ANY_ROLE
    form_class = RenameForm
    bulk = False
    review = True
    order = 25

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        return {"name": targets[0].name, "keeps_old_name": True}

    def domains(self, rows: Sequence[Any]) -> dict[int, Domain]:
        """The domain of each target, with its subscription."""
        raise NotImplementedError

    def check(self, step: Step) -> None:
        found = self.domains(step.open)
        for row in step.open:
            row.renamed = found[row.pk]
            of = {row.pk: row.renamed.subscription}
            needed = "manage_subdomains" if row.renamed.parent_id else "manage_domains"
            refuse_without(step, needed, of)
        refuse_held(step)
        for row in step.open:
            if row.renamed.ascii == step.params["name"]:
                step.leave(row.pk)
                continue
            name, keeps = step.params["name"], step.params["keeps_old_name"]
            try:
                row.changes = renaming.changes(step, row.renamed, name, keeps=keeps)
            except Refused as refused:
                step.refuse(row.pk, refused.code, **refused.params)

    def perform(self, step: Step) -> None:
        for row in step.open:
            domain, keeps = row.renamed, step.params["keeps_old_name"]
            renaming.rename(step, row.changes, keeps=keeps)
            old, new = domain.name, to_unicode(row.changes[0].new)
            step.changed(row.pk, {"name": old}, {"name": new, "keeps_old_name": keeps})
            for change in row.changes:
                if (self.noun, row.pk) != ("domain", change.row.pk):
                    now = {"name": to_unicode(change.new)}
                    step.log("domain.rename", change.row, {"name": change.row.name}, now)
            if domain.is_main and self.noun == "domain":
                step.log("subscription.rename", domain.subscription, {"name": old}, {"name": new})

    def foresee(self, step: Step) -> list[Consequence]:
        told = []
        for row in step.open:
            main, *below = row.changes
            if main.row.is_main:
                told.append(Consequence(_("Subscription and main domain are renamed together.")))
            if below:
                items = [f"{one.row.name} → {to_unicode(one.new)}" for one in below]
                told.append(Consequence(_("These subdomains follow:"), "info", items))
            if step.params["keeps_old_name"]:
                items = [one.row.name for one in (main, *below)]
                text = _("These stay as aliases and redirect to the new names:")
                told.append(Consequence(text, "info", items))
            else:
                text = _("The old names are given up: nobody reaches the site by them any more.")
                told.append(Consequence(text, "warn"))
            told.append(Consequence(_("The home with its files and the system user stay.")))
        return told


@register
class RenameDomain(_Rename):
    noun = "domain"

    def lock(self, actor: Actor, ids: Sequence[int]) -> None:
        locks.domains(ids)

    def domains(self, rows: Sequence[Any]) -> dict[int, Domain]:
        found = Domain.objects.unscoped(_WHY).select_related("subscription")
        return found.in_bulk([row.pk for row in rows])


@register
class RenameSubscription(_Rename):
    noun = "subscription"

    def lock(self, actor: Actor, ids: Sequence[int]) -> None:
        locks.subscriptions(ids)

    def domains(self, rows: Sequence[Any]) -> dict[int, Domain]:
        main = Domain.objects.unscoped(_WHY).filter(is_main=True).select_related("subscription")
        found = main.filter(subscription_id__in=[row.pk for row in rows])
        return {domain.subscription_id: domain for domain in found}
