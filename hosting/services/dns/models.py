"""Zones with their records, and the template that they start from."""

import time
from typing import Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Greatest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import sort_key
from hosting import provisioning
from hosting.models.domains import Alias, Domain
from hosting.models.subscriptions import Subscription
from panel.core.access import Actor, Owned, OwnedQuerySet, RemovableQuerySet

APEX = "@"
HIGHEST_SERIAL = 2**32 - 1
# A TTL has 31 bits (RFC 2181, section 8); a day is the most that helps anybody who has to move.
LONGEST_TTL = 2**31 - 1
TTL = [MinValueValidator(30), MaxValueValidator(LONGEST_TTL)]


class RecordType(models.TextChoices):
    """What may be typed. SOA and the name servers at the top of a zone are made, not typed."""

    A = "A", "A"
    AAAA = "AAAA", "AAAA"
    CNAME = "CNAME", "CNAME"
    MX = "MX", "MX"
    NS = "NS", "NS"
    TXT = "TXT", "TXT"
    SRV = "SRV", "SRV"
    CAA = "CAA", "CAA"
    TLSA = "TLSA", "TLSA"
    DS = "DS", "DS"
    HTTPS = "HTTPS", "HTTPS"
    PTR = "PTR", "PTR"


class SoaValues(models.Model):
    """What the SOA record of a zone says, but for its serial and who serves it."""

    ttl = models.PositiveIntegerField(_("Default TTL"), default=3600, validators=TTL)
    refresh = models.PositiveIntegerField(_("Refresh"), default=10800, validators=TTL)
    retry = models.PositiveIntegerField(_("Retry"), default=3600, validators=TTL)
    expire = models.PositiveIntegerField(_("Expire"), default=1209600, validators=TTL)
    minimum = models.PositiveIntegerField(_("Negative TTL"), default=3600, validators=TTL)

    class Meta:
        abstract = True


SOA_FIELDS = ("ttl", "refresh", "retry", "expire", "minimum")


class ZoneQuerySet(RemovableQuerySet):
    # Of those whose subscription was removed DNS goes on, but nobody edits them.
    removed_at = "subscription__removing_at"

    def bump(self) -> None:
        """A higher serial for these and for the zones that follow them: something changed."""
        chosen = self.order_by().values("pk")
        rows = Zone.objects.unscoped("serials")
        rows.filter(models.Q(pk__in=chosen) | models.Q(source_id__in=chosen)).raise_serial()

    def raise_serial(self) -> None:
        """Seconds since 1970, or one more than it was. Behind the highest comes 1, which is higher
        in the arithmetic of serials (RFC 1982)."""
        self.update(
            serial=models.Case(
                models.When(serial__gte=HIGHEST_SERIAL, then=models.Value(1)),
                default=Greatest(models.F("serial") + 1, models.Value(int(time.time()))),
            ),
            changed_at=timezone.now(),
        )
        self.deploy()

    def deploy(self) -> None:
        """Have the nodes serve these as they are now."""
        ids = self.order_by().values_list("subscription_id", flat=True).distinct()
        provisioning.touch(list(ids))


class Zone(Owned, SoaValues):
    """The zone of a domain or of an alias. Subdomains are records in the zone of their domain.

    The zone of an alias that synchronises has a `source`: it shows the records of that zone, and of
    its own only what cannot be copied (see `hosting.services.dns.zones`).
    """

    subscription = models.ForeignKey(Subscription, models.PROTECT, related_name="+")
    domain = models.OneToOneField(Domain, models.CASCADE, null=True, related_name="+")
    alias = models.OneToOneField(Alias, models.CASCADE, null=True, related_name="+")
    source = models.ForeignKey("self", models.SET_NULL, null=True, related_name="followers")
    ascii = models.CharField(max_length=253, unique=True, editable=False)
    name = models.CharField(_("Name"), max_length=253, editable=False)
    name_key = models.CharField(max_length=255, editable=False)
    serial = models.BigIntegerField(_("Serial"), default=1, editable=False)
    # "host TYPE" of each record of the template that was changed or removed by hand: the template
    # leaves them alone from then on.
    touched = models.JSONField(default=list, editable=False)
    is_altered = models.BooleanField(_("Edited"), default=False, editable=False)
    # Subdomains whose records are in it: number -> host.
    subdomains = models.JSONField(default=dict, editable=False)
    # When the records that are kept from before the synchronisation were put aside.
    kept_at = models.DateTimeField(null=True, editable=False)
    # The key that it is signed with (see `hosting.services.dns.signing`): what the private one is
    # derived from, by what it is known again, and the public one. Empty: it is not signed.
    key_seed = models.CharField(max_length=64, default="", editable=False)
    key_mark = models.CharField(max_length=16, default="", editable=False)
    dnskey = models.CharField(max_length=120, default="", editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    changed_at = models.DateTimeField(default=timezone.now, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = ZoneQuerySet.as_manager()

    class Meta:
        verbose_name = _("DNS zone")
        verbose_name_plural = _("DNS zones")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(domain__isnull=True) ^ models.Q(alias__isnull=True),
                name="dns_zone_of_one",
            )
        ]
        indexes = [
            models.Index("name_key", "id", name="dns_zone_name"),
            models.Index("account", "name_key", "id", name="dns_zone_account"),
            models.Index("reseller", "name_key", "id", name="dns_zone_reseller"),
            models.Index("is_altered", "id", name="dns_zone_altered"),
            models.Index("id", name="dns_zone_following", condition=models.Q(source__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: object, **kwargs: object) -> None:
        self.name_key = sort_key(self.name)
        super().save(*args, **kwargs)

    @property
    def is_following(self) -> bool:
        """Whether it is the copy of another zone."""
        return self.source_id is not None

    @property
    def is_signed(self) -> bool:
        """Whether it has a key."""
        return bool(self.dnskey)


class RecordQuerySet(RemovableQuerySet):
    removed_at = "subscription__removing_at"

    def present(self) -> Self:
        return super().present().live()

    def removed(self) -> Self:
        return super().removed().live()

    def live(self) -> Self:
        """Without what is only kept, to be restored."""
        return self.filter(is_kept=False)


class Record(Owned):
    """One record. Names in `host` and `value` are relative to the zone: `@` is the zone itself, a
    final dot ends a name outside. So a zone can be renamed, or shown under another name.
    """

    subscription = models.ForeignKey(Subscription, models.PROTECT, related_name="+")
    zone = models.ForeignKey(Zone, models.CASCADE, related_name="records", db_index=False)
    host = models.CharField(_("Host"), max_length=253)
    type = models.CharField(_("Type"), max_length=5, choices=RecordType.choices)
    # None: the zone's.
    ttl = models.PositiveIntegerField(_("TTL"), null=True, validators=TTL)
    value = models.TextField(_("Value"))
    # The template's record that it comes from, until somebody changes it.
    template_number = models.BigIntegerField(null=True, editable=False)
    # The subdomain that it is for.
    subdomain_number = models.BigIntegerField(null=True, editable=False)
    # Put aside when the zone began to follow another.
    is_kept = models.BooleanField(default=False, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    objects = RecordQuerySet.as_manager()

    class Meta:
        verbose_name = _("DNS record")
        verbose_name_plural = _("DNS records")
        indexes = [
            models.Index("zone", "host", "id", name="dns_record_zone"),
            models.Index("id", name="dns_record_live", condition=models.Q(is_kept=False)),
            models.Index("account", "id", name="dns_record_account"),
            models.Index("reseller", "id", name="dns_record_reseller"),
            # A change of address looks them up.
            models.Index(
                "value", name="dns_record_address", condition=models.Q(type__in=["A", "AAAA"])
            ),
            models.Index("zone", name="dns_record_text", condition=models.Q(type="TXT")),
        ]

    def __str__(self) -> str:
        return f"{self.host} {self.type}"


class PanelWideQuerySet(OwnedQuerySet):
    """What belongs to the panel and to no account: the administrator's."""

    def visible_to(self, actor: Actor | None) -> "PanelWideQuerySet":
        rows = self.all() if actor is not None and actor.is_administrator else self.none()
        return rows.unscoped("the administrator's own")


class TemplateScope(models.TextChoices):
    ZONE = "zone", _("Every zone")
    SUBDOMAIN = "subdomain", _("Every subdomain")


class TemplateRecord(models.Model):
    """A record that every new zone, or every new subdomain, starts with.

    Values may hold placeholders: see `hosting.services.dns.template`.
    """

    scope = models.CharField(
        _("Made for"), max_length=10, choices=TemplateScope.choices, default=TemplateScope.ZONE
    )
    host = models.CharField(_("Host"), max_length=253)
    type = models.CharField(_("Type"), max_length=5, choices=RecordType.choices)
    ttl = models.PositiveIntegerField(_("TTL"), null=True, validators=TTL)
    value = models.TextField(_("Value"))
    version = models.PositiveIntegerField(default=1, editable=False)

    objects = PanelWideQuerySet.as_manager()

    class Meta:
        verbose_name = _("record of the template")
        verbose_name_plural = _("records of the template")
        indexes = [
            models.Index("host", "id", name="dns_template_host"),
            models.Index("scope", "host", "id", name="dns_template_scope"),
        ]

    def __str__(self) -> str:
        return f"{self.host} {self.type} {self.value}"
