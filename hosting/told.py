"""How values of plans and subscriptions read where somebody else changed them meanwhile."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from accounts.versions import Told
from hosting import limits
from hosting.models.plans import OverusePolicy
from hosting.services import base

NOTHING = "–"


def fields() -> dict[str, Told]:
    """Everything that a subscription takes over from a plan, by the names of the activity log; a
    value inside a column as "limits.domains"."""
    declared = base.resources() | base.resources("reseller")
    found = {
        f"limits.{name}": Told(resource.label, partial(limits.shown, resource))
        for name, resource in declared.items()
    }
    found["permissions"] = Told(_("Permissions"), _permissions)
    for name, setting in base.plan_settings().items():
        found[f"settings.{name}"] = Told(setting.label, setting.words)
    found["applications"] = Told(_("Applications"), _applications)
    found["overuse_policy"] = Told(_("Overuse policy"), lambda one: OverusePolicy(one).label)
    found["overuse_notice"] = Told(_("Notice of overuse"), _yes_or_no)
    return found


def of_form(form_class: type[forms.Form]) -> dict[str, Told]:
    """The fields of an edit, with their choices in words."""
    return {
        name: Told(field.label, _by_choice(dict(getattr(field, "choices", ()))))
        for name, field in form_class.base_fields.items()
        if name != "version"
    }


def _by_choice(choices: dict[Any, Any]) -> Callable[[Any], Any]:
    def words(value: Any) -> Any:
        if isinstance(value, bool):
            return _yes_or_no(value)
        return choices.get(value, choices.get(str(value), value or NOTHING))

    return words


def of_plans() -> dict[str, Told]:
    """The same, with what only a plan has."""

    def plain(value: Any) -> Any:
        return NOTHING if value in (None, "") else value

    own = {
        "name": Told(_("Name"), plain),
        "description": Told(_("Description"), plain),
        "validity_days": Told(_("Validity period"), plain),
    }
    return {**own, **fields()}


def _yes_or_no(value: Any) -> str:
    return _("yes") if value else _("no")


def _permissions(names: Any) -> str:
    declared = base.permissions("reseller") | base.permissions()
    return ", ".join(str(declared[n].label) for n in names or () if n in declared) or NOTHING


def _applications(names: Any) -> str:
    if names is None:
        return _("all")
    declared = base.applications()
    return ", ".join(str(declared[n].label) for n in names if n in declared) or NOTHING
