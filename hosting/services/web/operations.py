"""Operations on what domains have on the web server."""

from collections.abc import Sequence
from typing import Any

from django.db.models import F
from django.utils.translation import gettext_lazy as _

from accounts.versions import refuse_stale
from hosting import permissions, provisioning, told
from hosting.models.domains import Domain, HostingType
from hosting.models.nodes import Node
from hosting.operations.domains import OnDomains
from hosting.services.web.forms import DirectivesForm, HttpsSettingsForm
from panel.core import reasons
from panel.core.access import Actor
from panel.core.operations import MORE, Step, register

reasons.declare(
    no_https=_("The server of %(name)s does not serve HTTPS."),
    no_website=_("%(name)s is no website: there is nothing to redirect."),
)
_WHY = "rows of the targets, which the actor sees"
_FIELDS = ("https_redirect", "hsts")


@register
class HttpsSettings(OnDomains):
    """Plain http leads to https, or not; the same for all that are chosen."""

    verb = "https-settings"
    label = _("HTTPS Settings")
    bulk_group = MORE
    form_class = HttpsSettingsForm
    permission = "manage_hosting"
    order = 21

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        return {name: getattr(targets[0], name) for name in _FIELDS} if len(targets) == 1 else {}

    def offered(self, target: Any, actor: Actor) -> bool:
        return target.hosting_type == HostingType.WEBSITE

    def check(self, step: Step) -> None:
        super().check(step)
        nodes = Node.objects.in_bulk({row.subscription.node_id for row in step.open})
        wanted = {name: step.params[name] for name in _FIELDS}
        for row in step.open:
            node = nodes[row.subscription.node_id]
            is_said = node.has("web") and not node.offers("web").get("https_port")
            if row.hosting_type != HostingType.WEBSITE:
                step.refuse(row.pk, "no_website", name=str(row))
            elif wanted["https_redirect"] and is_said:
                step.refuse(row.pk, "no_https", name=str(row))
            elif all(getattr(row, name) == value for name, value in wanted.items()):
                step.leave(row.pk)

    def perform(self, step: Step) -> None:
        wanted = {name: step.params[name] for name in _FIELDS}
        Domain.objects.unscoped(_WHY).filter(pk__in=step.open_ids).update(
            **wanted, version=F("version") + 1
        )
        provisioning.touch({row.subscription_id for row in step.open})
        for row in step.open:
            old = {name: getattr(row, name) for name in _FIELDS}
            step.changed(row.pk, old, wanted)


@register
class Directives(OnDomains):
    """What nginx is told besides about one site. The node tests them alone before they join."""

    verb = "directives"
    label = _("Additional nginx directives")
    form_class = DirectivesForm
    permission = "manage_directives"
    bulk = False
    order = 22

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        return {name: getattr(targets[0], name) for name in ("directives", "version")}

    def offered(self, target: Any, actor: Actor) -> bool:
        if target.hosting_type != HostingType.WEBSITE:
            return False
        return not permissions.lacking([target.subscription], actor, self.permission)

    def check(self, step: Step) -> None:
        super().check(step)
        refuse_stale(step, [self.noun], told.of_form(DirectivesForm))
        for row in step.open:
            if row.hosting_type != HostingType.WEBSITE:
                step.refuse(row.pk, "no_website", name=str(row))
            elif row.directives == step.params["directives"]:
                step.leave(row.pk)

    def perform(self, step: Step) -> None:
        text = step.params["directives"]
        Domain.objects.unscoped(_WHY).filter(pk__in=step.open_ids).update(
            directives=text, version=F("version") + 1
        )
        provisioning.touch({row.subscription_id for row in step.open})
        for row in step.open:
            old = {"directives": row.directives, "version": row.version}
            step.changed(row.pk, old, {"directives": text, "version": row.version + 1})
