"""Certificates as a noun of operations."""

from django.utils.translation import gettext_lazy as _

from hosting.services.tls.models import Certificate
from panel.core.operations import Noun, register_noun

CERTIFICATE = register_noun(
    Noun(
        "certificate",
        "certificates",
        Certificate,
        _("certificate"),
        _("certificates"),
        "lock",
        "certificate",
        area="sites",
        # The chain is public; the key is nobody's.
        api_fields=[
            *("id", "subscription_id", "domain_id", "account_id", "kind", "state", "extent"),
            *("names", "issuer", "key_type", "fingerprint", "chain", "not_before"),
            *("runs_out_at", "renew_at", "failures", "error", "created_at"),
        ],
    )
)
