"""Taking mail for names that have not been shown to be their subscriber's."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from hosting import provisioning, suspension
from hosting.models.suspension import Level
from hosting.operations.domains import OnDomains
from hosting.services.mail import localnames
from hosting.services.mail.operations import PERMISSION
from panel.core import reasons
from panel.core.access import Actor
from panel.core.operations import PROVIDERS, Consequence, Step, register

reasons.declare(
    mail_name_above=_("Only somebody above the subscriber can have mail for %(name)s taken in."),
)


@register
class TakeMailIn(OnDomains):
    """Of a domain and its aliases, before their MX records point here."""

    verb = "take-mail-in"
    label = _("Take Mail In")
    roles = PROVIDERS
    bulk = False
    sidebar = False
    confirm = "always"
    permission = PERMISSION

    def offered(self, target: Any, actor: Actor) -> bool:
        return suspension.level_of(actor, target) != Level.CUSTOMER

    def check(self, step: Step) -> None:
        super().check(step)
        for row in step.open:
            if suspension.level_of(step.actor, row) == Level.CUSTOMER:
                step.refuse(row.pk, "mail_name_above", name=row.name)
            elif not localnames.waiting(row):
                step.leave(row.pk)

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        names = [name for row in rows[:100] for name in localnames.waiting(row)]
        text = _(
            "Whatever anybody on this node sends to these names arrives in mailboxes here, wherever"
            " their MX records point. Be sure that they are the subscriber's:"
        )
        return [Consequence(text, "warn", names)] if names else []

    def perform(self, step: Step) -> None:
        for row in step.open:
            names = localnames.waiting(row)
            localnames.take(row.subscription_id, names)
            step.changed(row.pk, {}, {"mail_names": names})
        provisioning.touch({row.subscription_id for row in step.open})

    def landing(self, actor: Actor, target_id: int, created: Any) -> str:
        return f"/domains/{target_id}/mail/"
