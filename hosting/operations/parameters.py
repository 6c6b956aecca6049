"""Parameters of hosting that a subscriber may set itself."""

from collections.abc import Sequence
from typing import Any

from django.db.models import F
from django.utils.translation import gettext_lazy as _

from accounts.versions import refuse_stale
from hosting import permissions, provisioning, sync, told
from hosting.forms_plans import ParametersForm, settings_initial
from hosting.models.subscriptions import Subscription
from hosting.operations.base import OnSubscriptions
from hosting.operations.domains import refuse_without
from panel.core.access import Actor
from panel.core.operations import ANY_ROLE, Step, register

_WHY = "rows of the targets, which the actor sees"


@register
class HostingParameters(OnSubscriptions):
    """Those for which the subscription has the permission; a change of the plan leaves them."""

    verb = "hosting-parameters"
    label = _("Hosting Parameters")
    roles = ANY_ROLE
    form_class = ParametersForm
    bulk = False
    order = 25

    def offered(self, target: Any, actor: Actor) -> bool:
        return bool(sync.own_settings(permissions.in_force([target])[target.pk]))

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        row = targets[0]
        return settings_initial(row.settings) | {"version": row.version}

    def check(self, step: Step) -> None:
        refuse_without(step, "", {row.pk: row for row in step.open})
        refuse_stale(step, [self.noun], told.fields(), is_whole=True)
        granted = permissions.in_force(step.open)
        for row in step.open:
            if not sync.own_settings(granted[row.pk]):
                step.refuse(row.pk, "no_permission", name=str(row))
            elif {**sync.settings_of(row), **step.params["settings"]} == sync.settings_of(row):
                step.leave(row.pk)

    def perform(self, step: Step) -> None:
        given = step.params["settings"]
        for row in step.open:
            old = sync.settings_of(row)
            rows = Subscription.objects.unscoped(_WHY).filter(pk=row.pk)
            rows.update(settings={**row.settings, **given}, version=F("version") + 1)
            before = {"settings": {name: old[name] for name in given}, "version": row.version}
            step.changed(row.pk, before, {"settings": given, "version": row.version + 1})
        provisioning.touch(step.open_ids)
        sync.judge(step.open_ids)
