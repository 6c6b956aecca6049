"""PHP Settings: what a domain has of PHP, of its own or as in the plan."""

from collections.abc import Sequence
from typing import Any

from django.db.models import F
from django.utils.translation import gettext_lazy as _

from accounts.versions import Told, refuse_stale
from hosting import permissions, provisioning
from hosting.models.domains import Domain, HostingType
from hosting.models.subscriptions import Subscription
from hosting.operations.domains import OnDomains
from hosting.services.php import parameters, rules
from hosting.services.php.driver_table import BY_NAME, NEWEST
from hosting.services.php.forms import PhpSettingsForm
from hosting.services.php.models import DomainPhp
from panel.core import reasons
from panel.core.access import Actor
from panel.core.operations import MORE, Step, register

reasons.declare(
    php_unavailable=_("PHP is not available on the server of %(name)s."),
    php_version_missing=_(
        "PHP %(version)s is not installed on the server of %(name)s. It has: %(installed)s."
    ),
    php_not_in_plan=_("The plan of %(name)s has no PHP. Its provider can switch it on."),
)
_WHY = "rows of the targets, which the actor sees"
_FIELDS = ("is_on", "php_version", "settings")


def _told() -> dict[str, Told]:
    """How fields read where somebody else changed them meanwhile."""

    def on(value: Any) -> Any:
        return _("on") if value else _("off")

    def version(value: Any) -> Any:
        return _("The newest") if value == NEWEST else value

    found = {"php": Told(_("PHP"), on), "php_version": Told(_("PHP version"), version)}
    for name, directive in BY_NAME.items():

        def words(value: Any, directive: Any = directive) -> Any:
            return _("As in the plan") if value is None else parameters.words(directive, value)

        found[name] = Told(parameters.label(directive), words)
    return found


def permission_for(name: str) -> str:
    """Which permission a change of this takes."""
    if name not in BY_NAME:
        return parameters.MAY_CHOOSE
    return parameters.PERMISSION_OF[BY_NAME[name].group]


@register
class PhpSettings(OnDomains):
    """On or off, version, settings. What was not given stays as it is."""

    verb = "php-settings"
    label = _("PHP Settings")
    bulk_group = MORE
    form_class = PhpSettingsForm
    order = 24

    def applies_to(self, target: Any, actor: Actor) -> bool:
        return target.hosting_type == HostingType.WEBSITE

    def offered(self, target: Any, actor: Actor) -> bool:
        if not self.applies_to(target, actor):
            return False
        found = rules.subscriptions_of([target])
        has_php = any(rules.versions(row.node) for row in found.values())
        return has_php and bool(rules.reach(found.values(), actor))

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        if len(targets) != 1:
            return {}
        row = targets[0]
        own = rules.own_of([row]).get(row.pk) or DomainPhp()
        found: dict[str, Any] = {
            "php": "on" if own.is_on else "off",
            "php_version": own.php_version,
            "version": row.version,
        }
        for name, directive in BY_NAME.items():
            value = own.settings.get(name)
            if value is not None and directive.kind == "switch":
                value = "on" if value else "off"
            found[name] = "plan" if value is None else value
        return found

    def check(self, step: Step) -> None:
        super().check(step)
        refuse_stale(step, [self.noun], _told())
        own = rules.own_of(step.open)
        found = rules.subscriptions_of(step.open)
        lacking = {
            name: permissions.lacking(found.values(), step.actor, name) for name in rules.EVERY
        }
        for row in step.open:
            changes = rules.changes(own.get(row.pk), step.params)
            subscription = found[row.subscription_id]
            needed = {permission_for(name) for name in changes}
            if any(subscription.pk in lacking[name] for name in needed):
                above = step.actor.is_reseller
                code = "no_permission_above" if above else "no_permission"
                step.refuse(row.pk, code, **({} if above else {"name": str(subscription)}))
            elif not changes:
                step.leave(row.pk)
            else:
                self._refuse_impossible(step, row, subscription, changes)

    def _refuse_impossible(
        self, step: Step, row: Domain, subscription: Subscription, changes: dict[str, Any]
    ) -> None:
        """What the server or the plan has not."""
        installed = rules.versions(subscription.node)
        wanted = changes.get("php_version", ("", NEWEST))[1]
        if not installed:
            step.refuse(row.pk, "php_unavailable", name=str(subscription))
        elif wanted not in {NEWEST, *installed}:
            listed = ", ".join(installed)
            step.refuse(
                row.pk,
                "php_version_missing",
                version=wanted,
                name=str(subscription),
                installed=listed,
            )
        elif changes.get("php", (0, False))[1] and not parameters.is_on(subscription.settings):
            step.refuse(row.pk, "php_not_in_plan", name=str(subscription))

    def perform(self, step: Step) -> None:
        known = rules.own_of(step.open)
        fresh, kept = [], []
        for row in step.open:
            own = known.get(row.pk)
            changes = rules.changes(own, step.params)
            if own is None:
                own = DomainPhp(
                    domain_id=row.pk,
                    subscription_id=row.subscription_id,
                    account_id=row.account_id,
                    reseller_id=row.reseller_id,
                )
                fresh.append(own)
            else:
                kept.append(own)
            _write(own, {name: after for name, (_before, after) in changes.items()})
            step.changed(
                row.pk,
                {name: before for name, (before, _after) in changes.items()}
                | {"version": row.version},
                {name: after for name, (_before, after) in changes.items()}
                | {"version": row.version + 1},
            )
        rows = DomainPhp.objects.unscoped(_WHY)
        rows.bulk_create(fresh)
        rows.bulk_update(kept, _FIELDS)
        ids = step.open_ids
        Domain.objects.unscoped(_WHY).filter(pk__in=ids).update(version=F("version") + 1)
        provisioning.touch({row.subscription_id for row in step.open})


def _write(own: DomainPhp, values: dict[str, Any]) -> None:
    """Put new values into a row; None lets a setting follow the plan again."""
    own.is_on = values.pop("php", own.is_on)
    own.php_version = values.pop("php_version", own.php_version)
    merged = {**own.settings, **values}
    own.settings = {name: value for name, value in merged.items() if value is not None}
