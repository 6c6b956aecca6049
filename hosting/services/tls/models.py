"""Certificates of domains, the orders that bring them, and the account they are ordered with."""

from datetime import timedelta
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from hosting.models.domains import Domain
from hosting.models.subscriptions import Subscription
from panel.core import secrets
from panel.core.access import Owned, RemovableQuerySet
from panel.core.work import Work, register_queue

# What speaks to authorities, which the worker alone has to know.
_CARRIER = "hosting.services.tls.ordering.carry_out"


# How an authority is shown that a name is ours: a file below it, a record in its zone.
HTTP, DNS = "http-01", "dns-01"


class Kind(models.TextChoices):
    ACME = "acme", _("Issued")
    UPLOADED = "uploaded", _("Uploaded")


class CertificateState(models.TextChoices):
    """How the last attempt went; what it had before, a site goes on with."""

    ORDERED = "ordered", _("Being issued")
    VALID = "valid", _("In use")
    FAILED = "failed", _("Failed")


class CertificateQuerySet(RemovableQuerySet):
    removed_at = "subscription__removing_at"


class Certificate(Owned):
    """What a site answers by https with. A domain without one has the node's, which is self-signed.

    `chain` is empty until the first order is through.
    """

    subscription = models.ForeignKey(Subscription, models.PROTECT, related_name="+", db_index=False)
    domain = models.OneToOneField(Domain, models.CASCADE, related_name="certificate")
    kind = models.CharField(_("Kind"), max_length=10, choices=Kind.choices)
    state = models.CharField(
        _("State"), max_length=10, choices=CertificateState.choices, editable=False
    )
    # Which names besides the domain's own are asked for: "www", "aliases", "mail", "wildcard".
    extent = models.JSONField(default=list, editable=False)
    # Those that it is good for; until the first is there, those that are asked for.
    names = models.JSONField(_("Names"), default=list, editable=False)
    chain = models.TextField(default="", editable=False)
    # Sealed: see `panel.core.secrets`.
    key = models.TextField(default="", editable=False)
    issuer = models.CharField(_("Issuer"), max_length=200, default="", editable=False)
    fingerprint = models.CharField(max_length=64, default="", editable=False)
    key_type = models.CharField(max_length=20, default="", editable=False)
    not_before = models.DateTimeField(null=True, editable=False)
    # Until the first is there: when it was ordered. So what has none stands with what runs out.
    not_after = models.DateTimeField(_("Runs out"), default=timezone.now, editable=False)
    # When the next order is due: at two thirds of its life, or after a failure. None: never.
    renew_at = models.DateTimeField(null=True, editable=False)
    failures = models.PositiveSmallIntegerField(default=0, editable=False)
    # The authority's own words.
    error = models.TextField(default="", editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = CertificateQuerySet.as_manager()

    class Meta:
        verbose_name = _("certificate")
        verbose_name_plural = _("certificates")
        indexes = [
            *(
                models.Index(*owner, "not_after", "id", name=f"tls_cert_{who}")
                for who, owner in (("all", ()), ("of", ("reseller",)), ("own", ("account",)))
            ),
            models.Index("subscription", name="tls_cert_subscription"),
            *(
                models.Index(
                    column,
                    "not_after",
                    "id",
                    name=f"tls_cert_{name}",
                    condition=models.Q((column, value)),
                )
                for name, column, value in (
                    ("failed", "state", "failed"),
                    ("ordered", "state", "ordered"),
                    ("kind", "kind", "uploaded"),
                )
            ),
            models.Index(
                "renew_at", name="tls_cert_due", condition=models.Q(renew_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return str(self.names[0]) if self.names else ""

    @property
    def is_there(self) -> bool:
        """Whether there is one to show to visitors."""
        return self.not_before is not None

    @property
    def runs_out_at(self) -> object:
        """When it runs out; None before the first is there."""
        return self.not_after if self.is_there else None

    def private_key(self) -> str:
        """The key in the clear, for the node."""
        return secrets.unseal(self.key, f"certificate:key:{self.pk}")

    def keep_key(self, pem: str) -> None:
        self.key = secrets.seal(pem, f"certificate:key:{self.pk}")


class AcmeAccount(models.Model):
    """Who we are to an authority: one account each, made with the first order."""

    directory = models.CharField(max_length=500, unique=True)
    # Sealed. It is there before the authority knows of it: asked twice, that gives the same answer.
    key = models.TextField()
    url = models.CharField(max_length=500, default="")
    email = models.CharField(max_length=254, default="")
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.directory

    def private_key(self) -> str:
        return secrets.unseal(self.key, f"acme:key:{self.directory}")

    def keep_key(self, pem: str) -> None:
        self.key = secrets.seal(pem, f"acme:key:{self.directory}")


class Lost(Exception):
    """Another worker has the row, or it is gone."""


@register_queue
class CertificateOrder(Work):
    """A certificate on its way. Whatever the worker does is written here before the next step:
    killed between any two, the next one goes on from there.
    """

    certificate = models.OneToOneField(Certificate, models.CASCADE, related_name="order")
    directory = models.CharField(max_length=500, default="")
    url = models.CharField(max_length=500, default="")
    names = models.JSONField(default=list)
    # Of the certificate that comes; sealed.
    key = models.TextField(default="")
    # What the authority asks, with the answers: see `hosting.services.tls.ordering`.
    challenges = models.JSONField(default=list)
    # The state of the node that has the answers.
    generation = models.BigIntegerField(default=0)
    answered_at = models.DateTimeField(null=True)
    # Whatever passes: failures in a row, and when it began.
    retries = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(default="")

    class Meta:
        verbose_name = "certificates"
        indexes = [
            models.Index(
                "run_after",
                name="tls_order_due",
                condition=models.Q(state__in=["queued", "running"]),
            ),
        ]

    def __str__(self) -> str:
        return f"order for certificate {self.certificate_id}"

    def private_key(self) -> str:
        return secrets.unseal(self.key, f"order:key:{self.certificate_id}")

    def keep_key(self, pem: str) -> None:
        self.key = secrets.seal(pem, f"order:key:{self.certificate_id}")

    def put(self, **values: Any) -> None:
        """Write it down; Lost if the lease is somebody else's by now."""
        for name, value in values.items():
            setattr(self, name, value)
        if not self._mine().update(**values):
            raise Lost

    def come_back(self, seconds: float) -> None:
        """Go on after a while. That is no failure: the attempts begin anew."""
        self._mine().update(attempts=0)
        self.postpone(timedelta(seconds=seconds))

    def carry_out(self) -> None:
        import_string(_CARRIER)(self)
