"""Domains, their aliases, and the one table of names that both are drawn from."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import sort_key
from hosting.models.subscriptions import Subscription
from panel.core.access import Owned, RemovableQuerySet


class HostingType(models.TextChoices):
    WEBSITE = "website", _("Website")
    FORWARDING = "forwarding", _("Forwarding")
    NONE = "none", _("No hosting")


class PreferredName(models.TextChoices):
    """Under which of its two names a site answers; the other one redirects to it."""

    ASKED = "asked", _("As asked")
    BARE = "bare", _("Without www")
    WWW = "www", _("With www")


class SiteState(models.TextChoices):
    """The website's own state; the subscription's suspension stands beside it."""

    ACTIVE = "active", _("Active")
    SUSPENDED = "suspended", _("Suspended")
    DISABLED = "disabled", _("Disabled")


class Domain(Owned):
    """A site of a subscription: its main domain, an additional one, or a subdomain of one."""

    subscription = models.ForeignKey(Subscription, models.PROTECT, related_name="domains")
    ascii = models.CharField(max_length=253, unique=True, editable=False)
    name = models.CharField(_("Domain name"), max_length=253)
    name_key = models.CharField(max_length=255, editable=False)
    is_main = models.BooleanField(default=False, editable=False)
    # A subdomain's domain; none for a main or additional domain.
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="subdomains", editable=False
    )
    hosting_type = models.CharField(
        _("Hosting type"),
        max_length=10,
        choices=HostingType.choices,
        default=HostingType.WEBSITE,
    )
    forward_to = models.CharField(_("Forward to"), max_length=500, blank=True, default="")
    # 301 (for good) or 302 (for now), RFC 9110 section 15.4.
    forward_code = models.PositiveSmallIntegerField(default=301)
    preferred_name = models.CharField(
        _("Preferred name"),
        max_length=5,
        choices=PreferredName.choices,
        default=PreferredName.ASKED,
    )
    document_root = models.CharField(_("Document root"), max_length=200, default="httpdocs")
    # Plain http leads to https; browsers are told to keep to it (RFC 6797).
    https_redirect = models.BooleanField(_("Redirect visitors from HTTP to HTTPS"), default=False)
    hsts = models.BooleanField(_("HSTS"), default=False)
    # What the web server is told besides, as typed; what of it may be, hosting.services.web knows.
    directives = models.TextField(max_length=16_384, blank=True, default="")
    site_state = models.CharField(
        max_length=10, choices=SiteState.choices, default=SiteState.ACTIVE, editable=False
    )
    # At which level it was switched off ("" while active): nobody lifts what a level above set.
    site_state_level = models.CharField(max_length=15, default="", blank=True, editable=False)
    # The subscription's, repeated for the list's filter; written by `hosting.suspension` alone.
    is_suspended = models.BooleanField(default=False, editable=False)
    # What the list calls suspended: the site by itself, or the subscription.
    is_shut = models.GeneratedField(
        expression=models.Q(is_suspended=True) | models.Q(site_state="suspended"),
        output_field=models.BooleanField(),
        db_persist=True,
    )
    aliases_count = models.PositiveIntegerField(default=0, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    removing_at = models.DateTimeField(null=True, editable=False)

    objects = RemovableQuerySet.as_manager()

    class Meta:
        verbose_name = _("domain")
        verbose_name_plural = _("domains")
        constraints = [
            models.UniqueConstraint(
                fields=["subscription"],
                condition=models.Q(is_main=True),
                name="hosting_domain_one_main",
            )
        ]
        indexes = [
            *(
                models.Index(
                    *owner,
                    sort,
                    "id",
                    name=f"dom_{who}_{by}",
                    condition=models.Q(removing_at=None),
                )
                for who, owner in (("all", ()), ("of", ("reseller",)), ("own", ("account",)))
                for by, sort in (("name", "name_key"), ("made", "created_at"))
            ),
            # What is looked up in no order: see panel.core.filters.flagged. With all that the list
            # asks, so that no row is read to count them. Not in every order as well: each index
            # more is written with every site that a suspension shuts.
            models.Index(
                "is_shut",
                "removing_at",
                "id",
                name="dom_shut",
                condition=models.Q(is_shut=True),
            ),
            models.Index(
                "reseller",
                "is_shut",
                "removing_at",
                "id",
                name="dom_of_shut",
                condition=models.Q(is_shut=True),
            ),
            models.Index(
                "site_state", "id", name="dom_disabled", condition=models.Q(site_state="disabled")
            ),
            models.Index(
                "hosting_type", "id", name="dom_unhosted", condition=models.Q(hosting_type="none")
            ),
            models.Index(
                "hosting_type",
                "id",
                name="dom_forwarding",
                condition=models.Q(hosting_type="forwarding"),
            ),
            models.Index("account", name="dom_account"),
            models.Index("reseller", name="dom_reseller"),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: object, **kwargs: object) -> None:
        self.name_key = sort_key(self.name)
        super().save(*args, **kwargs)


class AliasMode(models.TextChoices):
    REDIRECT = "redirect", _("Redirect to the main name")
    SAME = "same", _("Same site")


class Alias(Owned):
    """Another name for a domain. Never a site of its own."""

    subscription = models.ForeignKey(Subscription, models.PROTECT, related_name="+")
    domain = models.ForeignKey(Domain, models.PROTECT, related_name="aliases")
    ascii = models.CharField(max_length=253, unique=True, editable=False)
    name = models.CharField(_("Alias name"), max_length=253)
    mode = models.CharField(
        _("Web"), max_length=10, choices=AliasMode.choices, default=AliasMode.REDIRECT
    )
    has_mail = models.BooleanField(_("Mail"), default=True)
    syncs_dns = models.BooleanField(_("Synchronise the DNS zone with the domain's"), default=True)
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("domain alias")
        verbose_name_plural = _("domain aliases")
        indexes = [
            models.Index("account", name="ali_account"),
            models.Index("reseller", name="ali_reseller"),
        ]

    def __str__(self) -> str:
        return self.name


class Name(Owned):
    """A host name in use, once in the whole installation. Written by `hosting.names` alone.

    `apex` is the registrable domain above it: who takes a name locks the apex first, so that
    nobody gets in below or above somebody else's name at the same moment.
    """

    subscription = models.ForeignKey(Subscription, models.CASCADE, related_name="+")
    ascii = models.CharField(max_length=253, unique=True)
    apex = models.CharField(max_length=253, db_index=True)
    domain = models.ForeignKey(Domain, models.CASCADE, null=True, related_name="+")
    alias = models.ForeignKey(Alias, models.CASCADE, null=True, related_name="+")

    class Meta:
        indexes = [
            models.Index("account", name="nam_account"),
            models.Index("reseller", name="nam_reseller"),
        ]

    def __str__(self) -> str:
        return self.ascii


class Apex(models.Model):
    """A row to lock while names below one registrable domain are taken."""

    name = models.CharField(max_length=253, unique=True)

    def __str__(self) -> str:
        return self.name
