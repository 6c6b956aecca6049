"""What a hosted service declares about itself. One service is one app: a folder and a word."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.apps import AppConfig, apps
from django.utils.functional import Promise
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

Text = str | Promise
HOSTING = _("Hosting")


@dataclass(frozen=True)
class Resource:
    """Something that is counted and limited. `unit` is "count" or "bytes".

    `of` says whose limits hold it: "subscription", or "reseller" for what only resellers have.
    A reseller is limited in both: in a subscription's resources as a total over everything below
    it, but for a limit on each single item (`is_each`, the size of a mailbox), which is no sum.
    `count` names the function that gives the usage of many at once: {id: number}. It is a dotted
    path because services declare themselves before there are models. `total` names the one that
    gives the same by reseller; without it the subscriptions below are added up.
    `default` is what a new plan starts with.
    """

    name: str
    label: Text
    unit: str = "count"
    of: str = "subscription"
    default: int | None = 0
    count: str = ""
    total: str = ""
    is_each: bool = False

    @property
    def is_allotted(self) -> bool:
        """Whether limits promise a share of something finite, as disk space and traffic do."""
        return self.unit == "bytes" and not self.is_each

    @property
    def reseller_default(self) -> int | None:
        """What a new reseller starts with: of what only resellers have, the default."""
        return self.default if self.of == "reseller" else None

    def usage(self, ids: Sequence[int]) -> dict[int, int]:
        """How much these subscriptions (or resellers) use. Of what is counted, those that use
        nothing may be left out; of what is measured ("bytes"), those of which it is not known."""
        return import_string(self.count)(ids) if self.count else {}

    def usage_of_resellers(self, ids: Sequence[int]) -> dict[int, int]:
        """The same below each of these resellers; only where `total` is declared."""
        return import_string(self.total)(ids)


@dataclass(frozen=True)
class Permission:
    """Something that the subscriber may do for itself; `of` "reseller": that only resellers may."""

    name: str
    label: Text
    default: bool = False
    of: str = "subscription"


@dataclass(frozen=True)
class Application:
    """Something that can be installed into a site, where the plan allows it."""

    name: str
    label: Text


@dataclass(frozen=True)
class PlanSetting:
    """A parameter of hosting that plans set and subscriptions follow.

    `kind` is "switch" (yes or no), "number" (None is unlimited, where `or_unlimited`) or "choice",
    whose `choices` stand from the least to the most: an add-on only raises. A subscriber that has
    `permission` changes it itself, and keeps its own value when the plan changes.
    """

    name: str
    label: Text
    kind: str = "switch"
    default: Any = False
    choices: tuple[tuple[str, Text], ...] = ()
    minimum: int = 0
    maximum: int = 2**31 - 1
    or_unlimited: bool = False
    help_text: Text = ""
    # What a number is of, behind it.
    unit: Text = ""
    # The heading that it stands under.
    section: Text = HOSTING
    permission: str = ""
    # (node, value) -> why this value is not in force there and what to do about it: a dotted path.
    caveat: str = ""

    def not_in_force(self, node: Any, value: Any) -> tuple[str, str] | None:
        """Why a node does not do as this value says, in words for everybody, and what it lacks, in
        words for its administrator; None where it does."""
        found: tuple[str, str] | None = None
        if self.caveat and value != self.default:
            found = import_string(self.caveat)(node, value)
        return found

    def accepts(self, value: Any) -> bool:
        """Whether it can have this value."""
        if self.kind == "switch":
            return isinstance(value, bool)
        if self.kind == "choice":
            return value in dict(self.choices)
        if value is None:
            return self.or_unlimited
        is_number = isinstance(value, int) and not isinstance(value, bool)
        return is_number and self.minimum <= value <= self.maximum

    def joined(self, values: Sequence[Any]) -> Any:
        """The most of several values."""
        if self.kind == "choice":
            order = [name for name, _label in self.choices]
            return max(values, key=order.index)
        return None if None in values else max(values)

    def words(self, value: Any) -> Text:
        """A value as people read it."""
        if self.kind == "switch":
            return _("yes") if value else _("no")
        if self.kind == "choice":
            return dict(self.choices).get(value, value)
        return _("unlimited") if value is None else f"{value:,} {self.unit}".strip()


@dataclass(frozen=True)
class Tab:
    """A tab of a service on the page of an object that hosting knows (`of`: its noun).

    `shown` names (actor, row) -> whether it is there for this reader; `content` names
    (request, row) -> the sections of the page; `card` names (actor, rows) -> what stands on the
    cards of these objects, by number: a few words, "" for the link alone. It asks the same as
    `shown`, of many at once; a row without the tab is left out.
    """

    of: str
    name: str
    label: Text
    shown: str
    content: str
    card: str = ""

    def is_shown(self, actor: Any, row: Any) -> bool:
        return bool(import_string(self.shown)(actor, row))

    def sections(self, request: Any, row: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = import_string(self.content)(request, row)
        return found

    def on_cards(self, actor: Any, rows: Sequence[Any]) -> dict[int, Text]:
        found: dict[int, Text] = import_string(self.card)(actor, rows) if self.card else {}
        return found


class ServiceConfig(AppConfig):
    """Base of each service's AppConfig; Django's app registry is the service registry.

    Subclasses write `from hosting.services import base` and subclass `base.ServiceConfig`:
    importing the class by name would make Django see two candidates in that module and fall back
    to a plain AppConfig without a word.
    """

    service: ClassVar[str]
    resources: ClassVar[tuple[Resource, ...]] = ()
    permissions: ClassVar[tuple[Permission, ...]] = ()
    plan_settings: ClassVar[tuple[PlanSetting, ...]] = ()
    applications: ClassVar[tuple[Application, ...]] = ()
    tabs: ClassVar[tuple[Tab, ...]] = ()
    # Dotted path of its addresses; "" for a service that has no pages of its own.
    urls: ClassVar[str] = ""
    # Dotted path of the function that turns rows into plain data for the agent; "" for a service
    # that has nothing on the nodes.
    desired_source: ClassVar[str] = ""
    # Dotted paths of functions that follow what hosting does, inside its transaction and set-based;
    # "" for a service to which it makes no difference. Hosting itself knows no service.
    # (step, subscription_ids): names of domains and aliases below these came, went, were renamed,
    # or what is kept of an alias changed. The rows are written already: compare with what there is.
    names_source: ClassVar[str] = ""
    # (subscription_ids): these go for good, with all domains; their rows are still there.
    purge_source: ClassVar[str] = ""
    # (subscription_ids): these have another subscriber from now on; what let the old one in goes.
    handed_over_source: ClassVar[str] = ""
    # (node_id, ask, after): take in what a node tells by itself; see `worker_jobs.News`.
    news_source: ClassVar[str] = ""
    # (): parameters of this service, by name, where a site is added: `forms_new_sites.SiteField`.
    site_fields_source: ClassVar[str] = ""
    # (subscription numbers, figures by name): write down what a node measured of these besides disk
    # space and traffic.
    figures_source: ClassVar[str] = ""
    # (actor, aliases): what editing these aliases could bring about, as consequences.
    aliases_source: ClassVar[str] = ""
    # (actor): what a provider should look at first, for Home: several (rows, tone, words for how
    # many, address of the list that shows them).
    attention_source: ClassVar[str] = ""

    def desired(self, subscription_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """What a node should have of these subscriptions, by subscription."""
        return import_string(self.desired_source)(subscription_ids) if self.desired_source else {}

    def names_changed(self, step: Any, subscription_ids: Sequence[int]) -> None:
        """Follow names that came, went or changed."""
        if self.names_source:
            import_string(self.names_source)(step, subscription_ids)

    def purge(self, subscription_ids: Sequence[int]) -> None:
        """Let go of what these subscriptions have of this service, before they go themselves."""
        if self.purge_source:
            import_string(self.purge_source)(subscription_ids)


def services() -> list[ServiceConfig]:
    """All installed services, in the order of the registry."""
    return [config for config in apps.get_app_configs() if isinstance(config, ServiceConfig)]


def resources(of: str = "subscription") -> dict[str, Resource]:
    """All declared resources by name; a reseller's own, then those of subscriptions too."""
    found = [resource for config in services() for resource in config.resources]
    below = {res.name: res for res in found if res.of == "subscription"}
    return below if of == "subscription" else {r.name: r for r in found if r.of == of} | below


def permissions(of: str = "subscription") -> dict[str, Permission]:
    """All declared permissions by name; those of subscriptions, and what only a reseller may."""
    found = [perm for config in services() for perm in config.permissions]
    return {perm.name: perm for perm in found if perm.of in {"subscription", of}}


def plan_settings() -> dict[str, PlanSetting]:
    """All declared parameters of hosting by name."""
    return {setting.name: setting for config in services() for setting in config.plan_settings}


def applications() -> dict[str, Application]:
    """All applications that can be installed, by name."""
    return {found.name: found for config in services() for found in config.applications}


def tabs(of: str) -> dict[str, Tab]:
    """What services show on the page of this noun, by name."""
    return {tab.name: tab for config in services() for tab in config.tabs if tab.of == of}


def names_changed(step: Any, subscription_ids: Iterable[int]) -> None:
    """Tell all services, once for each chunk of an operation: see `ServiceConfig.names_source`."""
    ids = sorted(set(subscription_ids))
    for config in services() if ids else ():
        config.names_changed(step, ids)


def site_fields() -> dict[str, Any]:
    """What services want to be told of a site that is added, by name: new fields."""
    paths = [config.site_fields_source for config in services() if config.site_fields_source]
    return {name: field for path in paths for name, field in import_string(path)().items()}


def measured(subscription_ids: Sequence[int], figures: Mapping[str, Mapping[int, int]]) -> None:
    """Hand every service the figures that a node has just said of these subscriptions."""
    for config in services():
        if config.figures_source:
            import_string(config.figures_source)(subscription_ids, figures)


def alias_consequences(actor: Any, aliases: Any) -> list[Any]:
    """What services say before these aliases (a queryset) are edited."""
    paths = [config.aliases_source for config in services() if config.aliases_source]
    return [found for path in paths for found in import_string(path)(actor, aliases)]


def attention(actor: Any) -> list[tuple[Any, str, Any, str]]:
    """What services have that somebody should look at first."""
    paths = [config.attention_source for config in services() if config.attention_source]
    return [found for path in paths for found in import_string(path)(actor)]


def handed_over(subscription_ids: Iterable[int]) -> None:
    """Tell all services that these subscriptions have another subscriber."""
    ids = sorted(set(subscription_ids))
    for config in services() if ids else ():
        if config.handed_over_source:
            import_string(config.handed_over_source)(ids)


def purge(subscription_ids: Iterable[int]) -> None:
    """Tell all services that these subscriptions go for good."""
    ids = sorted(set(subscription_ids))
    for config in services() if ids else ():
        config.purge(ids)
