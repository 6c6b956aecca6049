"""The foundation's rows, gathered for Django from the rooms that explain them."""

from panel.core.api_keys import IdempotencyKey
from panel.core.bulk import BulkRun, BulkTarget
from panel.core.log import Activity, Seal
from panel.core.mail import Message
from panel.core.search import SearchText
from panel.core.setting import Settings

__all__ = [
    "Activity",
    "BulkRun",
    "BulkTarget",
    "IdempotencyKey",
    "Message",
    "Seal",
    "SearchText",
    "Settings",
]
