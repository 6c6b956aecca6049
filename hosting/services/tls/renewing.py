"""Certificates are renewed by themselves, once two thirds of their life are over."""

from django.db import transaction
from django.utils import timezone

from hosting import daily
from hosting.services.tls import issuing, settings
from hosting.services.tls.models import Certificate, CertificateState

_EVERY = 600.0
_AT_ONCE = 100
_WHY = "what is due, whoever has it"


def renew() -> None:
    """Order what is due. Of suspended subscriptions too: sites come back with a certificate that
    holds, and challenges are answered for them all the while. Not of removed ones.
    """
    if settings.why_not():
        return
    due = Certificate.objects.unscoped(_WHY).filter(
        renew_at__lte=timezone.now(), order=None, subscription__removing_at=None
    )
    with transaction.atomic():
        ids = list(due.order_by("renew_at").values_list("pk", flat=True)[:_AT_ONCE])
        if ids:
            rows = Certificate.objects.unscoped(_WHY).filter(pk__in=ids)
            rows.update(renew_at=None)
            rows.exclude(state=CertificateState.FAILED).update(state=CertificateState.ORDERED)
            # Spread, as they were spread when they were made.
            issuing.queue(ids, spread=_EVERY / 2)


daily.JOBS.append(daily.Job("renew-certificates", _EVERY, renew))
