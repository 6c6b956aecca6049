"""What can be set about PHP, in words, and as what plans give. The table itself is the driver's."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from hosting.services import base
from hosting.services.php.driver_table import (
    BY_NAME,
    MAX_CHILDREN,
    MIN_CHILDREN,
    TABLE,
    Directive,
)

MAY_SET = "manage_php_settings"
MAY_CHOOSE = "manage_php_version"
MAY_OPEN = "manage_php_insecure"
PERMISSION_OF = {"settings": MAY_SET, "insecure": MAY_OPEN}
# Parameters of hosting besides those of the table: whether there is PHP, and how many at once.
ON, CHILDREN = "php", "php_processes"
SECTION = _("PHP Settings")

# The labels are php.ini's own words: guides and support threads go by them.
LABELS: dict[str, Any] = {
    "session_lifetime": "session.gc_maxlifetime",
    "timezone": "date.timezone",
    "opcache": "opcache.enable",
    "programs": _("Starting programs (exec and the like)"),
}
UNITS: dict[str, Any] = {
    "M": _("MiB"),
    "s": _("seconds"),
}
_SECONDS = {"max_execution_time", "max_input_time", "session_lifetime"}
HELP: dict[str, Any] = {
    "max_execution_time": _(
        "In seconds that the processor works; by the clock a request ends half a minute later."
    ),
    "post_max_size": _("In MiB. Holds for a whole request, files that are uploaded included."),
    "upload_max_filesize": _("In MiB. Not more than post_max_size has an effect."),
    "memory_limit": _("In MiB, for one request."),
    "max_input_time": _("In seconds."),
    "session_lifetime": _("In seconds."),
    "programs": _("With the rights of the subscription's system user."),
}
REPORTING = (
    ("errors", _("Errors only")),
    ("warnings", _("Errors and warnings")),
    ("production", _("All but hints at what is out of date")),
    ("all", _("All")),
)


def label(directive: Directive) -> Any:
    """What a setting is called on pages."""
    return LABELS.get(directive.name, directive.ini)


def unit(directive: Directive) -> Any:
    """What a number is of."""
    return UNITS.get("s" if directive.name in _SECONDS else directive.unit, "")


def words(directive: Directive, value: Any) -> Any:
    """A value as people read it."""
    if directive.kind == "switch":
        return _("on") if value else _("off")
    if directive.kind == "choice":
        return dict(REPORTING).get(value, value)
    if directive.kind != "number":
        return value
    return f"{value:,} {unit(directive)}".strip()


def plan_name(name: str) -> str:
    """The parameter of hosting by which a plan gives a setting."""
    return f"php_{name}"


def _setting(directive: Directive) -> base.PlanSetting:
    given: dict[str, Any] = {
        "default": directive.default,
        "section": SECTION,
        "help_text": HELP.get(directive.name, ""),
    }
    if directive.kind == "number":
        given |= {"minimum": directive.low, "maximum": directive.high, "unit": unit(directive)}
    if directive.kind == "choice":
        given["choices"] = REPORTING
    return base.PlanSetting(
        plan_name(directive.name), label(directive), kind=directive.kind, **given
    )


# A time zone is the site's own: no plan has a better idea of it.
IN_PLANS = tuple(directive for directive in TABLE if directive.kind != "zone")
PLAN_SETTINGS = (
    base.PlanSetting(ON, _("PHP"), default=True, section=SECTION),
    base.PlanSetting(
        CHILDREN,
        _("PHP processes at once"),
        kind="number",
        default=5,
        minimum=MIN_CHILDREN,
        maximum=MAX_CHILDREN,
        section=SECTION,
        help_text=_("For each version and set of settings that a subscription uses."),
    ),
    *map(_setting, IN_PLANS),
)
_DEFAULTS = {setting.name: setting.default for setting in PLAN_SETTINGS}


def given_by_plan(settings: dict[str, Any]) -> dict[str, Any]:
    """What a subscription has of its plan, by the table's names; the rest is as by itself."""
    found = {directive.name: directive.default for directive in TABLE}
    for directive in IN_PLANS:
        value = settings.get(plan_name(directive.name), directive.default)
        # A value from before the table's bounds were changed is as good as none.
        found[directive.name] = value if directive.accepts(value) else directive.default
    return found


def is_on(settings: dict[str, Any]) -> bool:
    """Whether a subscription has PHP at all."""
    return bool(settings.get(ON, _DEFAULTS[ON]))


def children(settings: dict[str, Any]) -> int:
    """How many processes a pool of a subscription may have."""
    return int(settings.get(CHILDREN, _DEFAULTS[CHILDREN]))


def sound(own: dict[str, Any]) -> dict[str, Any]:
    """A domain's own values that the table still accepts."""
    return {name: v for name, v in own.items() if name in BY_NAME and BY_NAME[name].accepts(v)}
