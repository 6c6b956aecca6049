"""Signing what a domain sends, or no longer."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from hosting import provisioning
from hosting.models.nodes import Node
from hosting.operations.domains import OnDomains
from hosting.services.mail.models import DkimKey
from hosting.services.mail.operations import PERMISSION
from panel.core import reasons
from panel.core.access import Actor
from panel.core.operations import MORE, Consequence, Step, register
from panel.core.work import State

reasons.declare(no_signing=_("The server of %(name)s signs no letters."))


class _OnSigning(OnDomains):
    sidebar = False
    bulk_group = MORE
    permission = PERMISSION

    def landing(self, actor: Actor, target_id: int, created: Any) -> str:
        return f"/domains/{target_id}/mail/"

    def signed(self, step: Step) -> set[int]:
        """Which of the targets have a key, or will have."""
        rows = DkimKey.objects.filter(domain_id__in=step.open_ids)
        return set(rows.values_list("domain_id", flat=True))


@register
class SignMail(_OnSigning):
    """With a key of its own, which its zone tells; its aliases are signed with the same."""

    verb = "sign-mail"
    label = _("Sign Outgoing Mail")
    order = 70

    def check(self, step: Step) -> None:
        super().check(step)
        nodes = Node.objects.in_bulk({row.subscription.node_id for row in step.open})
        signed = self.signed(step)
        for row in step.open:
            if row.pk in signed:
                step.leave(row.pk)
            elif not nodes[row.subscription.node_id].offers("mail").get("signs"):
                step.refuse(row.pk, "no_signing", name=row.name)

    def perform(self, step: Step) -> None:
        rows = [DkimKey(domain_id=pk, state=State.QUEUED) for pk in step.open_ids]
        DkimKey.objects.bulk_create(rows)
        for row in step.open:
            step.changed(row.pk, {"signs_mail": False}, {"signs_mail": True})


@register
class StopSigning(_OnSigning):
    """The key goes for good; signing again makes another one."""

    verb = "stop-signing"
    label = _("Stop Signing")
    confirm = "always"
    order = 71

    def check(self, step: Step) -> None:
        super().check(step)
        signed = self.signed(step)
        for row in step.open:
            if row.pk not in signed:
                step.leave(row.pk)

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        text = _(
            "Their keys go for good. Letters that were sent before are checked by records of the"
            " zone: leave those there for some weeks."
        )
        return [Consequence(text, "warn")]

    def perform(self, step: Step) -> None:
        DkimKey.objects.filter(domain_id__in=step.open_ids).delete()
        for row in step.open:
            step.changed(row.pk, {"signs_mail": True}, {"signs_mail": False})
        provisioning.touch({row.subscription_id for row in step.open})
