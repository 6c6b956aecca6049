"""What usernames and other typed texts of accounts may be."""

import re

import idna
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext_lazy as _

# Names that machines or people take for the system's own.
SYSTEM_NAMES = frozenset(
    """root daemon bin sys sync games man lp mail news uucp proxy www-data
    backup list irc nobody systemd postfix dovecot dovenull proftpd ftp sshd mysql mariadb postgres
    pdns named bind nginx apache httpd php cron crontab messagebus syslog ntp chrony redis
    memcached freehold panel agent worker system support postmaster hostmaster webmaster abuse
    security noreply no-reply localhost www ftpd imap pop3 smtp""".split()  # noqa: SIM905
)
# Nobody but the administrator is called so.
ADMINISTRATOR_NAMES = frozenset({"admin", "administrator"})
_USERNAME = re.compile(r"[a-z][a-z0-9._-]{0,59}")


def clean_username(value: str, *, of_administrator: bool = False) -> str:
    """The username as it is stored (lower case), or ValidationError.

    Starts with a letter; 1-60 characters from a-z, 0-9, dot, dash, underscore, or an email address.
    Whether it is free, and whether an address is another account's, is asked of the database.
    """
    username = value.strip().lower()
    if not username.isascii():
        raise ValidationError(_("Only the letters a-z, digits, dot, dash and underscore."))
    if username in SYSTEM_NAMES or (username in ADMINISTRATOR_NAMES and not of_administrator):
        raise ValidationError(_("This name is reserved for the system."))
    if "@" in username:
        validate_email(username)
        if len(username) > 60 or not username[0].isalpha():
            raise ValidationError(_("1 to 60 characters; the first is a letter."))
        return username
    if not _USERNAME.fullmatch(username):
        raise ValidationError(
            _("1 to 60 characters from a-z, 0-9, dot, dash and underscore; the first is a letter.")
        )
    return username


def clean_email(value: str) -> str:
    """The address with its domain in ASCII (IDNA 2008) and lower case, or ValidationError.

    Stored so: mail programs and comparisons need one form, and `user@bücher.example` typed with a
    composed or a decomposed ü is one address.
    """
    local, at, domain = value.strip().rpartition("@")
    if not at:
        raise ValidationError(_("Enter a valid email address."))
    try:
        ascii_domain = idna.encode(domain, uts46=True, transitional=False).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError) as error:
        raise ValidationError(_("Enter a valid email address.")) from error
    address = f"{local}@{ascii_domain}"
    if len(address) > 254:
        raise ValidationError(_("Enter a valid email address."))
    validate_email(address)
    return address
