"""Change Addresses of a node: the records that hold the old ones are listed, and replaced."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from hosting.models.nodes import Node
from hosting.services.dns import addresses
from hosting.services.dns.addresses import Change
from hosting.services.dns.forms import AddressesForm
from hosting.services.dns.models import Record
from hosting.services.dns.operations_zones import MOST_LISTED
from hosting.services.dns.rules import whole_host
from hosting.services.mail import programs
from panel.core.access import Actor
from panel.core.operations import ADMINISTRATOR, Consequence, Operation, Step, register


@register
class ChangeAddresses(Operation):
    """Where a node's sites are reached. Records of subscribers are replaced as well as others."""

    noun = "node"
    verb = "change-addresses"
    label = _("Change Addresses")
    roles = ADMINISTRATOR
    area = "settings"
    form_class = AddressesForm
    bulk = False
    review = True
    order = 10

    def initial(self, actor: Actor, targets: Sequence[Any]) -> dict[str, Any]:
        if not targets:
            return {}
        return {"ipv4": targets[0].ipv4, "ipv6": targets[0].ipv6, "replace": True}

    def found(self, step: Step, row: Node) -> list[Change]:
        return addresses.changes(row, step.params["ipv4"], step.params["ipv6"])

    def check(self, step: Step) -> None:
        for row in step.open:
            if not self.found(step, row):
                step.leave(row.pk)

    def foresee(self, step: Step) -> list[Consequence]:
        replaces = step.params["replace"]
        return [
            said
            for row in step.open
            for change in self.found(step, row)
            for said in self.said(change, row, replaces=replaces)
        ]

    def said(self, change: Change, node: Node, *, replaces: bool) -> list[Consequence]:
        if change.old is None:
            count = len(addresses.lacking(node)) if replaces else 0
            text = ngettext(
                "%(n)s zone gets the template's records with %(new)s.",
                "%(n)s zones get the template's records with %(new)s.",
                count,
            )
            return [Consequence(text % {"n": f"{count:,}", "new": change.new})]
        rows = addresses.holding(change.old)
        given = {"n": f"{len(rows):,}", "old": change.old, "new": change.new}
        if replaces and change.new:
            text = ngettext(
                "%(n)s record holds %(old)s; it will hold %(new)s:",
                "%(n)s records hold %(old)s; they will hold %(new)s:",
                len(rows),
            )
            return [Consequence(text % given, "warn" if rows else "info", _listed(rows))]
        text = ngettext(
            "%(n)s record holds %(old)s and stays as it is:",
            "%(n)s records hold %(old)s and stay as they are:",
            len(rows),
        )
        return [Consequence(text % given, "warn" if rows else "info", _listed(rows))]

    def perform(self, step: Step) -> None:
        for row in step.open:
            found = self.found(step, row)
            old = {"ipv4": row.ipv4, "ipv6": row.ipv6}
            row.ipv4, row.ipv6 = step.params["ipv4"] or None, step.params["ipv6"] or None
            row.save(update_fields=["ipv4", "ipv6"])
            if row.ipv4 != old["ipv4"]:
                programs.tell_again([row.pk])
            count = sum(self.follow(change, row) for change in found if step.params["replace"])
            new = {"ipv4": row.ipv4, "ipv6": row.ipv6, "changed": count}
            step.changed(row.pk, old, new)

    def follow(self, change: Change, node: Node) -> int:
        """How many records or zones were changed."""
        if change.old is None:
            return len(addresses.fill_in(change, node))
        return len(addresses.replace(change)) if change.new else 0


def _listed(rows: list[Record]) -> list[str]:
    found = [
        f"{whole_host(row.host, row.zone.name)} {row.type} {row.value}"
        for row in rows[:MOST_LISTED]
    ]
    if len(rows) > MOST_LISTED:
        found.append(str(_("and %(n)s more") % {"n": f"{len(rows) - MOST_LISTED:,}"}))
    return found
