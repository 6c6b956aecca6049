"""What an administrator sets about certificates: who issues them, and to whom they write."""

import re
from urllib.parse import urlsplit

from cryptography import x509
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext_lazy as _

from panel.core import setting

setting.section(
    "certificates",
    _("Certificates"),
    _("Who issues certificates for the sites. Uploaded ones need nothing of this."),
    order=31,
)

LETS_ENCRYPT, STAGING, OWN = "letsencrypt", "staging", "own"
_DIRECTORIES = {
    LETS_ENCRYPT: "https://acme-v02.api.letsencrypt.org/directory",
    STAGING: "https://acme-staging-v02.api.letsencrypt.org/directory",
}
_PRINTABLE = re.compile(r"[!-~]+")


def _check_directory(text: str) -> None:
    if not text:
        return
    try:
        parts = urlsplit(text)
        is_good = parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc
        is_good = is_good and (parts.port or 443) > 0 and bool(_PRINTABLE.fullmatch(text))
    except ValueError:
        is_good = False
    if not is_good:
        raise ValidationError(_("An address that begins with https://."))


def _check_email(text: str) -> None:
    if text:
        validate_email(text)


def _check_roots(text: str) -> None:
    try:
        if text:
            x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        raise ValidationError(_("Certificates in PEM form, or nothing.")) from None


AUTHORITY = setting.declare(
    setting.Choice(
        "acme_authority",
        "certificates",
        _("Certificate authority"),
        LETS_ENCRYPT,
        _("The one for trying out issues what no browser trusts, and is not so strict on numbers."),
        choices=[
            (LETS_ENCRYPT, "Let’s Encrypt"),
            (STAGING, _("Let’s Encrypt, for trying out (staging)")),
            (OWN, _("Another one, at the address below")),
        ],
    )
)
TERMS = setting.declare(
    setting.Flag(
        "acme_terms",
        "certificates",
        _("The authority’s terms are agreed to"),
        False,
        _("Until then nothing is issued. Let’s Encrypt has its own at letsencrypt.org/repository."),
    )
)
EMAIL = setting.declare(
    setting.Words(
        "acme_email",
        "certificates",
        _("Contact email"),
        "",
        _("Where the authority writes to when something is wrong. May be left empty."),
        check=_check_email,
        most=254,
    )
)
DIRECTORY = setting.declare(
    setting.Words(
        "acme_directory",
        "certificates",
        _("Address of its directory"),
        "",
        _("As in https://ca.example.com/acme/acme/directory (RFC 8555)."),
        check=_check_directory,
        most=500,
        group=_("Another authority"),
    )
)
ROOTS = setting.declare(
    setting.Words(
        "acme_roots",
        "certificates",
        _("Certificates that its server is trusted by"),
        "",
        _("In PEM form. Empty: those that the system trusts."),
        check=_check_roots,
        is_long=True,
        most=100_000,
        group=_("Another authority"),
    )
)


def directory() -> str:
    """The address of the authority's directory; "" where none is set."""
    chosen = AUTHORITY.get()
    return DIRECTORY.get() if chosen == OWN else _DIRECTORIES[chosen]


def why_not() -> str:
    """The code of the reason why nothing is issued; "" if it is."""
    with setting.read_once():
        if not directory():
            return "no_authority"
        return "" if TERMS.get() else "terms_not_agreed"
