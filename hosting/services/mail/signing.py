"""Keys of DKIM as rows: made by the worker, told to nodes, and taken by nobody else."""

from collections.abc import Collection, Iterable
from typing import Any

from hosting import provisioning
from hosting.models.domains import Domain
from hosting.services.mail import dkim, models
from hosting.services.mail.models import DkimKey
from panel.core.secrets import seal, unseal

_WHY = "the worker makes everybody's keys"


def make(row: DkimKey) -> None:
    """Make the key, and have the node sign with it."""
    if not row.sealed:
        pem = dkim.new_key()
        about = {"sealed": seal(pem, row.belongs_to), "record": dkim.record_of(pem)}
        DkimKey.objects.filter(pk=row.pk, sealed="").update(**about)
    row.finish()
    above = Domain.objects.unscoped(_WHY).filter(pk=row.domain_id)
    provisioning.touch(list(above.values_list("subscription_id", flat=True)))


def of_domains(domain_ids: Collection[int]) -> dict[int, DkimKey]:
    """The keys that are ready, by domain."""
    rows = DkimKey.objects.filter(domain_id__in=domain_ids).exclude(sealed="")
    return {row.domain_id: row for row in rows}


def told(row: DkimKey, names: Iterable[str]) -> list[dict[str, Any]]:
    """What a node is told of a key: each name that it signs for."""
    pem = unseal(row.sealed, row.belongs_to)
    return [{"name": name, "selector": row.selector, "pem": pem} for name in names]


models.maker = make
