"""What web servers need of certificates: chains with keys, which site has which, and answers."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q

from hosting.services.tls.models import HTTP, Certificate, CertificateOrder
from hosting.services.tls.reading import covers

_WHY = "the worker provisions everybody's subscriptions"


@dataclass
class Part:
    """What one subscription has."""

    certificates: list[dict[str, Any]] = field(default_factory=list)
    challenges: list[list[str]] = field(default_factory=list)
    # By the number of the domain.
    of_domain: dict[int, int] = field(default_factory=dict)
    _names: dict[int, list[str]] = field(default_factory=dict)

    def add(self, row: Certificate) -> None:
        pair = row.chain + row.private_key()
        self.certificates.append({"id": row.pk, "names": row.names, "pair": pair})
        self.of_domain[row.domain_id] = row.pk
        self._names[row.domain_id] = row.names

    def choose(self, domain_id: int, parent_id: int | None, name: str) -> int:
        """The certificate of a domain: its own, else the wildcard of the one above; 0 for none."""
        if domain_id in self.of_domain:
            return self.of_domain[domain_id]
        if parent_id is not None and covers(self._names.get(parent_id, []), name):
            return self.of_domain[parent_id]
        return 0

    def said(self) -> dict[str, Any]:
        """On the wire; what there is none of is not said."""
        found = {"certificates": self.certificates, "challenges": self.challenges}
        return {name: value for name, value in found.items() if value}


def parts(subscription_ids: Sequence[int]) -> Mapping[int, Part]:
    """What these subscriptions have, in two queries."""
    found: dict[int, Part] = defaultdict(Part)
    rows = Certificate.objects.unscoped(_WHY).filter(subscription_id__in=subscription_ids)
    for row in rows.filter(not_before__isnull=False).order_by("pk"):
        found[row.subscription_id].add(row)
    orders = CertificateOrder.objects.filter(
        ~Q(challenges=[]), certificate__subscription_id__in=subscription_ids
    )
    for number, challenges in orders.order_by("pk").values_list(
        "certificate__subscription_id", "challenges"
    ):
        found[number].challenges += [
            [each["token"], each["answer"]] for each in challenges if each["type"] == HTTP
        ]
    return found


def purge(subscription_ids: Sequence[int]) -> None:
    """See `ServiceConfig.purge_source`."""
    Certificate.objects.unscoped(_WHY).filter(subscription_id__in=subscription_ids).delete()
