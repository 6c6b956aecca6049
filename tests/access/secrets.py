"""What nobody is ever shown: passwords, tokens, and what could stand for them."""

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.sessions.models import Session

from accounts.models import ApiToken, User
from hosting.models.imports import ImportRow
from hosting.models.subscriptions import Subscription
from hosting.services.database.models import DatabaseDump, DatabaseUser
from hosting.services.ftp.models import FtpAccount
from hosting.services.mail.models import Mailbox
from hosting.services.tls.models import Certificate
from tests.access.world import DATABASE_PASSWORD, SYSTEM_PASSWORD, AccessWorld
from tests.world import PASSWORD


def secrets_of(world: AccessWorld) -> dict[str, str]:
    """What nobody is ever shown, by what it is."""
    found = {settings.SECRET_KEY: "the secret key", PASSWORD: "a password"}
    found[SYSTEM_PASSWORD] = "the password of a system user"
    for row in Subscription._base_manager.exclude(system_user_hash=""):
        found[row.system_user_hash] = "the hash of a system user's password"
    found[DATABASE_PASSWORD] = "the password of a database user"
    for user in DatabaseUser._base_manager.all():
        found[user.password] = "what a server stores of a password"
    for dump in DatabaseDump._base_manager.all():
        found[dump.token] = "where the file of a dump lies"
    for mailbox in Mailbox._base_manager.all():
        found[mailbox.password_hash] = "the hash of a mailbox's password"
    for account in FtpAccount._base_manager.exclude(password_hash=""):
        found[account.password_hash] = "the hash of an FTP account's password"
    for certificate in Certificate._base_manager.exclude(key=""):
        found[certificate.key] = "the sealed key of a certificate"
        # One line of it, which JSON leaves as it is.
        found[certificate.private_key().splitlines()[1]] = "the key of a certificate"
    for user in User._base_manager.all():
        found[user.password] = f"the hash of {user.username}'s password"
        found[user.get_session_auth_hash()] = f"the hash that {user.username}'s sessions rest on"
    for row in ImportRow._base_manager.exclude(password=""):
        found[row.password] = "the hash of a password to be"
    for token in ApiToken.objects.all():
        found[token.digest] = f"the digest of token {token.pk}"
    for text in world.tokens.values():
        found[text] = "the text of a token"
    for factor in Authenticator.objects.all():
        for kept in (factor.data.get("secret"), *factor.data.get("digests", ())):
            if kept:
                found[kept] = f"what is kept of the second factor of login {factor.user_id}"
    for text in world.second_factors:
        found[text] = "the secret of a second factor, or a recovery code"
    for session in Session.objects.all():
        found[session.session_key] = "the key of a session"
    return found
