"""From rows to what a node should have of mail."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from hosting.models.domains import Alias
from hosting.services.mail.models import Mailbox
from hosting.services.mail.settings import INCOMING

_WHY = "the worker provisions everybody's subscriptions"


def desired(subscription_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The mail of these subscriptions, of those that have any. A constant number of queries.

    A domain takes mail as soon as it has a mailbox, and its aliases with mail take it as well.
    """
    boxes: dict[int, list[Mailbox]] = defaultdict(list)
    rows = Mailbox.objects.unscoped(_WHY).filter(subscription_id__in=subscription_ids)
    for row in rows.filter(domain__removing_at=None).select_related("domain").order_by("pk"):
        boxes[row.subscription_id].append(row)
    aliases: dict[int, list[str]] = defaultdict(list)
    of_these = Alias.objects.unscoped(_WHY).filter(subscription_id__in=list(boxes), has_mail=True)
    for domain, name in of_these.order_by("pk").values_list("domain_id", "ascii"):
        aliases[domain].append(name)
    incoming = INCOMING.get() if boxes else ""
    return {
        pk: {
            "domains": _domains(found, aliases),
            "mailboxes": [_mailbox(row) for row in found],
            "incoming": incoming,
        }
        for pk, found in boxes.items()
    }


def _domains(rows: list[Mailbox], aliases: dict[int, list[str]]) -> list[dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    for row in rows:
        domain = {"name": row.domain.ascii, "aliases": aliases[row.domain_id]}
        about = found.setdefault(row.domain_id, domain)
        if row.is_catch_all:
            about["catch_all"] = row.address
    return list(found.values())


def _mailbox(row: Mailbox) -> dict[str, Any]:
    about: dict[str, Any] = {
        "id": row.pk,
        "local": row.local,
        "domain": row.domain.ascii,
        "password": row.password_hash,
        "on": row.is_on,
        "size": row.size or 0,
        "keeps": row.keeps,
        "aliases": row.aliases,
        "forwards": row.forwards,
    }
    if row.reply_text:
        about["reply"] = {"subject": row.reply_subject, "text": row.reply_text}
    return about
