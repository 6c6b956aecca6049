"""Words of databases that plans, pages, rows and operations share."""

import re
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

RESOURCE, MAY_MANAGE, REMOTE = "databases", "manage_databases", "remote_databases"
LONGEST_NAME = 32
NAME = re.compile(rf"[a-z0-9_]{{1,{LONGEST_NAME}}}", re.ASCII)
# So many users one subscription has at most, and so many hosts one user comes from.
MOST_USERS, MOST_HOSTS = 100, 20


class Server(models.TextChoices):
    """The kinds of servers."""

    MARIADB = "mariadb", "MariaDB"
    POSTGRESQL = "postgresql", "PostgreSQL"


class Access(models.TextChoices):
    """How far a user gets."""

    FULL = "full", _("Read and change everything")
    READ = "read", _("Read only")


def prefix(subscription_id: int) -> str:
    """What all names of a subscription begin with, on the node's servers."""
    return f"s{subscription_id}_"


def is_remote(settings: dict[str, Any]) -> bool:
    """Whether a subscription with these settings may be come to from elsewhere."""
    return bool(settings.get(REMOTE, False))
