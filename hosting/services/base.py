"""What a hosted service declares about itself. One service is one app: a folder and a word."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.apps import AppConfig, apps
from django.utils.functional import Promise
from django.utils.module_loading import import_string

Text = str | Promise


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


class ServiceConfig(AppConfig):
    """Base of each service's AppConfig; Django's app registry is the service registry.

    Subclasses write `from hosting.services import base` and subclass `base.ServiceConfig`:
    importing the class by name would make Django see two candidates in that module and fall back
    to a plain AppConfig without a word.
    """

    service: ClassVar[str]
    resources: ClassVar[tuple[Resource, ...]] = ()
    permissions: ClassVar[tuple[Permission, ...]] = ()
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


def names_changed(step: Any, subscription_ids: Iterable[int]) -> None:
    """Tell all services, once for each chunk of an operation: see `ServiceConfig.names_source`."""
    ids = sorted(set(subscription_ids))
    for config in services() if ids else ():
        config.names_changed(step, ids)


def purge(subscription_ids: Iterable[int]) -> None:
    """Tell all services that these subscriptions go for good."""
    ids = sorted(set(subscription_ids))
    for config in services() if ids else ():
        config.purge(ids)
