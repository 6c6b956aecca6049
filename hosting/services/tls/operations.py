"""Operations on certificates, of one site and of many."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from hosting import locks
from hosting.models.domains import Domain, HostingType
from hosting.models.nodes import Node
from hosting.models.subscriptions import Subscription
from hosting.operations.domains import OnDomains, refuse_without
from hosting.services.tls import issuing, naming, settings
from hosting.services.tls.forms import IssueForm, UploadForm
from hosting.services.tls.models import Certificate, Kind
from hosting.services.tls.naming import EXTENT, WILDCARD
from hosting.services.tls.reading import Read
from hosting.services.tls.rules import PERMISSION, is_reached
from panel.core.access import Actor
from panel.core.operations import ANY_ROLE, MORE, Consequence, Operation, Step, register

_WHY = "rows of the targets, which the actor sees"


def told(row: Certificate) -> dict[str, Any]:
    """A certificate, for the log: never its key."""
    return {"kind": str(row.kind), "names": row.names, "fingerprint": row.fingerprint}


def refuse_unissued(step: Step, domains: dict[int, Domain]) -> None:
    """Refuse where no authority would issue: none is set, none comes there, nothing is there."""
    code = settings.why_not()
    nodes = Node.objects.in_bulk({row.subscription.node_id for row in domains.values()})
    for pk, row in domains.items():
        if code:
            is_theirs = step.actor.is_administrator
            action = {"action": "/settings/certificates/"} if is_theirs else {}
            step.refuse(pk, code, **action)
        elif not is_reached(nodes[row.subscription.node_id]):
            step.refuse(pk, "not_reached", name=str(row))
        elif row.hosting_type == HostingType.NONE:
            step.refuse(pk, "nothing_served", name=str(row))


@register
class IssueCertificate(OnDomains):
    """Orders one from the authority; the site shows it as soon as it is there."""

    verb = "issue-certificate"
    label = _("Issue Certificate")
    bulk_group = MORE
    form_class = IssueForm
    permission = PERMISSION
    order = 23

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        rows = Certificate.objects.visible_to(actor).filter(domain__in=targets, kind=Kind.ACME)
        found = rows.first() if len(targets) == 1 else None
        return {name: name in found.extent for name in EXTENT} if found else {}

    def offered(self, target: Any, actor: Actor) -> bool:
        # No button that is always refused: the tab says why there is none.
        has_site = target.hosting_type != HostingType.NONE
        return has_site and is_reached(Node.objects.get(pk=target.subscription.node_id))

    def check(self, step: Step) -> None:
        super().check(step)
        refuse_unissued(step, {row.pk: row for row in step.open})
        if step.params[WILDCARD]:
            nodes = Node.objects.in_bulk({row.subscription.node_id for row in step.open})
            zones = naming.zones_of(step.open)
            for row in step.open:
                if row.pk not in zones or not nodes[row.subscription.node_id].has("dns"):
                    step.refuse(row.pk, "zone_elsewhere", name=row.name)
        busy = _ordered(row.pk for row in step.open)
        extent = _extent(step)
        for row in step.open:
            if busy.get(row.pk) == extent:
                step.leave(row.pk, "order_under_way", name=row.name)

    def perform(self, step: Step) -> None:
        issuing.order(step.open, _extent(step))
        for row in step.open:
            step.changed(row.pk, {}, {"certificate": "ordered", "extent": _extent(step)})

    def landing(self, actor: Actor, target_id: int, created: Any) -> str:
        return f"/domains/{target_id}/certificate/"


def _extent(step: Step) -> list[str]:
    return [name for name in EXTENT if step.params[name]]


def _ordered(domain_ids: Iterable[int]) -> dict[int, list[str]]:
    """What is under way already, by domain."""
    rows = Certificate.objects.unscoped(_WHY).filter(
        domain_id__in=list(domain_ids), order__isnull=False
    )
    return dict(rows.values_list("domain_id", "extent"))


@register
class UploadCertificate(OnDomains):
    """One that was bought or made elsewhere, in place of what the site has."""

    verb = "upload-certificate"
    label = _("Upload Certificate")
    form_class = UploadForm
    permission = PERMISSION
    bulk = False
    order = 24

    def check(self, step: Step) -> None:
        super().check(step)
        read: Read = step.params["read"]
        rows = Certificate.objects.unscoped(_WHY).filter(domain__in=step.open_ids)
        there = dict(rows.filter(fingerprint=read.fingerprint).values_list("domain_id", "chain"))
        for row in step.open:
            if there.get(row.pk) == read.chain:
                step.leave(row.pk, "same_certificate", name=row.name)

    def perform(self, step: Step) -> None:
        read: Read = step.params["read"]
        for row in step.open:
            found = Certificate.objects.unscoped(_WHY).filter(domain=row).first()
            old = told(found) if found else {}
            if found:
                issuing.forget_orders([found.pk])
            else:
                found = Certificate.objects.create(
                    account_id=row.account_id,
                    reseller_id=row.reseller_id,
                    subscription_id=row.subscription_id,
                    domain=row,
                    names=read.names,
                )
            found.kind, found.extent = Kind.UPLOADED, []
            issuing.put(found, read, step.params["key"])
            step.changed(row.pk, {"certificate": old}, {"certificate": told(found)})

    def landing(self, actor: Actor, target_id: int, created: Any) -> str:
        return f"/domains/{target_id}/certificate/"


class _OnCertificates(Operation):
    noun = "certificate"
    area = "sites"
    roles = ANY_ROLE

    def lock(self, actor: Actor, ids: Sequence[int]) -> None:
        rows = Certificate.objects.unscoped(_WHY).filter(pk__in=ids)
        locks.domains(list(rows.values_list("domain_id", flat=True)))
        super().lock(actor, ids)

    def check(self, step: Step) -> None:
        rows = step.open
        above = Subscription.objects.unscoped(_WHY).in_bulk({row.subscription_id for row in rows})
        domains = Domain.objects.unscoped(_WHY).in_bulk([row.domain_id for row in rows])
        for row in rows:
            row.domain = domains[row.domain_id]
            row.subscription = row.domain.subscription = above[row.subscription_id]
        refuse_without(step, PERMISSION, {row.pk: row.subscription for row in rows})

    def landing(self, actor: Actor, target_id: int, created: Any) -> str:
        row = Certificate.objects.visible_to(actor).filter(pk=target_id).first()
        return f"/domains/{row.domain_id}/certificate/" if row else ""


@register
class RenewCertificate(_OnCertificates):
    """Now, and not when two thirds of its life are over. For the names that are chosen now."""

    verb = "renew"
    label = _("Renew Now")
    order = 10

    def offered(self, target: Any, actor: Actor) -> bool:
        return target.kind == Kind.ACME

    def check(self, step: Step) -> None:
        super().check(step)
        for row in step.open:
            if row.kind != Kind.ACME:
                step.refuse(row.pk, "not_issued", name=row.domain.name)
        refuse_unissued(step, {row.pk: row.domain for row in step.open})
        busy = _ordered(row.domain_id for row in step.open)
        for row in step.open:
            if row.domain_id in busy:
                step.leave(row.pk, "order_under_way", name=row.domain.name)

    def perform(self, step: Step) -> None:
        issuing.order([row.domain for row in step.open], None)
        for row in step.open:
            step.changed(row.pk, told(row), {"certificate": "ordered"})


@register
class RemoveCertificate(_OnCertificates):
    """Back to the node's own, which is self-signed: browsers warn of it."""

    verb = "remove"
    label = _("Remove")
    confirm = "always"
    destructive = True
    order = 90

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        held = list(rows.filter(domain__hsts=True).values_list("domain__name", flat=True)[:20])
        found = [
            Consequence(
                _("These sites answer with the server’s own certificate, of which browsers warn."),
                "warn",
            )
        ]
        if held:
            words = _("Browsers keep to HTTPS (HSTS) there, and let nobody in any more:")
            found.append(Consequence(words, "bad", held))
        return found

    def perform(self, step: Step) -> None:
        for row in step.open:
            step.changed(row.pk, told(row), {})
        issuing.remove(step.open_ids)

    def landing(self, actor: Actor, target_id: int, created: Any) -> str:
        # The page of what is gone: whose it was is not known any more.
        return ""
