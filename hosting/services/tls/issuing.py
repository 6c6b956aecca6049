"""What becomes of certificates: ordered, in use, failed, gone. Rows only."""

import random
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from hosting import provisioning
from hosting.models.domains import Domain
from hosting.services.tls import naming, records
from hosting.services.tls.models import Certificate, CertificateOrder, CertificateState, Kind
from hosting.services.tls.reading import Read
from panel.core.work import State

_WHY = "rows of what was asked for, or is due"
# A failure is tried again after an hour, then after twice as long each, and daily at last.
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(hours=1), timedelta(days=1)
# What never came is not asked for for ever.
_MOST_FAILURES = 8
# Of the pause, so much more or less: certificates of one day are not all due in one minute.
_JITTER = 0.05


def _chance(span: timedelta) -> timedelta:
    return span * (1 + random.uniform(-_JITTER, _JITTER))


def renewal_of(read: Read) -> datetime:
    """When two thirds of a life are over."""
    return read.not_before + _chance((read.not_after - read.not_before) * 2 / 3)


def order(domains: Iterable[Domain], extent: list[str] | None) -> dict[int, Certificate]:
    """Have certificates issued for these; `extent` None keeps what each had. By domain."""
    rows = {row.pk: row for row in domains}
    found = {row.domain_id: row for row in _all().filter(domain_id__in=rows)}
    new = [row for pk, row in rows.items() if pk not in found]
    names = naming.wanted(new, {row.pk: list(extent or ()) for row in new})
    made = [
        Certificate(
            account_id=domain.account_id,
            reseller_id=domain.reseller_id,
            subscription_id=domain.subscription_id,
            domain=domain,
            kind=Kind.ACME,
            state=CertificateState.ORDERED,
            extent=list(extent or ()),
            names=names[domain.pk],
        )
        for domain in new
    ]
    Certificate.objects.bulk_create(made)
    kept = _all().filter(pk__in=[row.pk for row in found.values()])
    values: dict[str, Any] = {"state": CertificateState.ORDERED, "error": "", "renew_at": None}
    kept.update(**values, **({} if extent is None else {"extent": list(extent)}))
    ids = [row.pk for row in (*found.values(), *made)]
    queue(ids)
    return {row.domain_id: row for row in _all().filter(pk__in=ids)}


def queue(certificate_ids: Sequence[int], spread: float = 0.0) -> None:
    """Put orders down. One that there is begins anew, with the names that are asked for now."""
    forget_orders(certificate_ids)
    now = timezone.now()
    CertificateOrder.objects.bulk_create(
        CertificateOrder(
            certificate_id=pk,
            state=State.QUEUED,
            run_after=now + timedelta(seconds=random.uniform(0, spread)),
        )
        for pk in certificate_ids
    )
    provisioning.wake()


def forget_orders(certificate_ids: Sequence[int]) -> None:
    """Give up what is on its way for these."""
    rows = list(CertificateOrder.objects.filter(certificate_id__in=certificate_ids))
    if rows:
        records.withdraw(rows)
        CertificateOrder.objects.filter(pk__in=[row.pk for row in rows]).delete()


def put(certificate: Certificate, read: Read, key: str) -> None:
    """Have it in use: what it says, its chain, its key."""
    certificate.chain, certificate.names = read.chain, read.names
    certificate.issuer, certificate.fingerprint = read.issuer, read.fingerprint
    certificate.key_type = read.key_type
    certificate.not_before, certificate.not_after = read.not_before, read.not_after
    certificate.state, certificate.error, certificate.failures = CertificateState.VALID, "", 0
    certificate.renew_at = renewal_of(read) if certificate.kind == Kind.ACME else None
    certificate.keep_key(key)
    certificate.save()
    provisioning.touch([certificate.subscription_id])


def done(ordered: CertificateOrder, read: Read, key: str) -> None:
    """What was ordered is here. Once only: whoever comes second finds the order gone."""
    with transaction.atomic():
        mine = CertificateOrder.objects.select_for_update().filter(
            pk=ordered.pk, fence=ordered.fence, state=State.RUNNING
        )
        if not mine:
            return
        certificate = _all().select_for_update().get(pk=ordered.certificate_id)
        records.withdraw([ordered])
        mine.delete()
        certificate.kind = Kind.ACME
        put(certificate, read, key)
        if _changed_meanwhile(certificate, ordered):
            order([certificate.domain], None)


def _changed_meanwhile(certificate: Certificate, ordered: CertificateOrder) -> bool:
    """Whether other names are asked for now than when it was ordered."""
    row = certificate.domain
    return set(naming.wanted([row], {row.pk: certificate.extent})[row.pk]) != set(ordered.names)


def failed(ordered: CertificateOrder, words: str) -> None:
    """Say why; what the site had before stays in use. It is tried again, less and less often."""
    with transaction.atomic():
        mine = CertificateOrder.objects.filter(pk=ordered.pk, fence=ordered.fence)
        if not mine.exists():
            return
        certificate = _all().select_for_update().get(pk=ordered.certificate_id)
        records.withdraw([ordered])
        mine.delete()
        certificate.failures = min(certificate.failures + 1, 1000)
        pause = _chance(min(_FIRST_PAUSE * 2 ** min(certificate.failures - 1, 10), _LONGEST_PAUSE))
        goes_on = certificate.is_there or certificate.failures < _MOST_FAILURES
        certificate.renew_at = timezone.now() + pause if goes_on else None
        certificate.state, certificate.error = CertificateState.FAILED, words
        certificate.save(update_fields=["failures", "renew_at", "state", "error"])
        provisioning.touch([certificate.subscription_id])


def remove(certificate_ids: Sequence[int]) -> None:
    """Back to the node's own."""
    forget_orders(certificate_ids)
    rows = _all().filter(pk__in=certificate_ids)
    ids = set(rows.values_list("subscription_id", flat=True))
    rows.delete()
    provisioning.touch(sorted(ids))


def outdated(subscription_ids: Sequence[int]) -> list[Domain]:
    """Domains of these whose issued certificate is for other names than are asked for now."""
    rows = list(
        _all().filter(subscription_id__in=subscription_ids, kind=Kind.ACME).select_related("domain")
    )
    names = naming.wanted([row.domain for row in rows], {row.domain_id: row.extent for row in rows})
    return [
        row.domain for row in rows if row.is_there and set(names[row.domain_id]) != set(row.names)
    ]


def _all() -> Any:
    return Certificate.objects.unscoped(_WHY)
