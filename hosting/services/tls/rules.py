"""What stands against a certificate, and the words for it."""

from django.utils.translation import gettext_lazy as _

from hosting.models.nodes import Node
from hosting.services.tls import settings
from hosting.services.tls.naming import WWW
from panel.core import reasons

EXTENT_OF_NEW = (WWW,)
# The permission that a subscriber needs.
PERMISSION = "manage_hosting"

reasons.declare(
    no_authority=_("No certificate authority is set; the administrator can do that in Settings."),
    no_authority_action=_("Settings"),
    terms_not_agreed=_(
        "Certificates are not issued yet: the administrator has to agree to the authority’s terms."
    ),
    terms_not_agreed_action=_("Settings"),
    not_reached=_(
        "The server of %(name)s is reached from here alone, so no authority issues a certificate."
        " It can be uploaded."
    ),
    nothing_served=_("%(name)s has no hosting, so there is nothing to answer for it."),
    zone_elsewhere=_(
        "The DNS zone of %(name)s is not served here, so there is no certificate for *.%(name)s."
    ),
    order_under_way=_("A certificate for %(name)s is being issued already."),
    not_issued=_("The certificate of %(name)s was uploaded: upload the next one."),
    same_certificate=_("%(name)s has this certificate already."),
)


def is_reached(node: Node) -> bool:
    """Whether an authority can ask this node. An own one may stand beside it."""
    return node.platform != "embedded" or settings.AUTHORITY.get() == settings.OWN
