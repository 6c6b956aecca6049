"""How far a system user gets over SSH: the words for it, shared by plans, pages and nodes."""

from typing import Any

from django.utils.translation import gettext_lazy as _

SETTING = "ssh_access"
MAY_CHOOSE = "manage_shell"
NONE, SFTP, SHELL = "none", "sftp", "shell"
# From the least to the most.
CHOICES = (
    (NONE, _("none")),
    (SFTP, _("SFTP only")),
    (SHELL, _("SSH shell and SFTP")),
)


def of(settings: dict[str, Any]) -> str:
    """What a subscription with these settings has."""
    found: str = settings.get(SETTING, SFTP)
    return found
