"""How far a system user gets over SSH, and how much its files take: shared by plans and pages."""

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from hosting.models.nodes import Node

SETTING = "ssh_access"
QUOTA = "hard_quota"
# A pebibyte.
MOST_MIB = 2**30
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


def why_no_quota(node: "Node", value: int | None) -> tuple[str, str] | None:
    """Why a hard quota is not in force on a node, and what its administrator does about it."""
    if value is None:
        return None
    if not node.has("system"):
        return _t("not in force: the server has no users of its own for subscriptions"), ""
    if words := node.offers("system").get("no_quota"):
        return _t("not in force: the server keeps no quotas"), words
    return None
