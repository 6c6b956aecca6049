"""Roles of additional users: which areas of an account they reach."""

from django.utils.translation import gettext_lazy as _

# Areas that operations belong to. What is not an operation (looking) needs none.
AREAS = {
    "accounts": _("Customers, resellers and plans"),
    "sites": _("Subscriptions, domains and aliases"),
    "suspension": _("Suspend and activate"),
    "users": _("Users and login info"),
    "profile": _("Contact information"),
    "settings": _("Settings of the installation"),
}

ROLES = {
    "owner": (_("Owner"), frozenset(AREAS)),
    "webmaster": (_("Webmaster"), frozenset({"sites"})),
    "viewer": (_("Viewer"), frozenset()),
}
CHOICES = [(name, label) for name, (label, _areas) in ROLES.items()]


def areas_of(role: str) -> frozenset[str]:
    """What a role reaches; an unknown one nothing."""
    return ROLES[role][1] if role in ROLES else frozenset()


# What an API token may be given; at most what its user may, at the moment of use.
SCOPES = {
    "read": _("Read: look at everything its user sees"),
    "write": _("Write: do everything its user may"),
    "billing": _("Billing: suspend for unpaid invoices, and lift that"),
    **AREAS,
}
