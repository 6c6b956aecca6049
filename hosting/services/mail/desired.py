"""From rows to what a node should have of mail."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from hosting import suspension
from hosting.models.domains import Alias, SiteState
from hosting.services.mail import localnames, rates, signing, sizes
from hosting.services.mail.models import DkimKey, Mailbox
from hosting.services.mail.settings import INCOMING
from panel.core import setting

_WHY = "the worker provisions everybody's subscriptions"
_ABOVE = ("domain", "subscription")


def desired(subscription_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The mail of these subscriptions, of those that have any. A constant number of queries.

    A domain takes mail as soon as it has a mailbox and its name is known to be its subscriber's
    (LocalName), and so do its aliases with mail. Until then one logs in; nothing comes or goes.
    """
    boxes: dict[int, list[Mailbox]] = defaultdict(list)
    rows = Mailbox.objects.unscoped(_WHY).filter(subscription_id__in=subscription_ids)
    for row in rows.filter(domain__removing_at=None).select_related(*_ABOVE).order_by("pk"):
        boxes[row.subscription_id].append(row)
    aliases: dict[int, list[str]] = defaultdict(list)
    of_these = Alias.objects.unscoped(_WHY).filter(subscription_id__in=list(boxes), has_mail=True)
    for domain, name in of_these.order_by("pk").values_list("domain_id", "ascii"):
        aliases[domain].append(name)
    known = localnames.known(list(boxes))
    if not boxes:
        return {}
    stored = setting.current()
    incoming = INCOMING.of(stored)
    outgoing = rates.of((found[0].subscription for found in boxes.values()), stored)
    held = suspension.for_abuse(list(boxes))
    keys = signing.of_domains({row.domain_id for several in boxes.values() for row in several})
    return {
        pk: {
            "domains": _domains(found, aliases, known),
            "mailboxes": [_mailbox(row) for row in found],
            "incoming": incoming,
            "outgoing": outgoing[pk],
            **({"held": True} if pk in held else {}),
            **_keys(found, keys, aliases, known),
        }
        for pk, found in boxes.items()
    }


def _domains(
    rows: list[Mailbox], aliases: dict[int, list[str]], known: set[tuple[int, str]]
) -> list[dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    for row in rows:
        owner, name = row.subscription_id, row.domain.ascii
        is_here = (owner, name) in known
        names = [each for each in aliases[row.domain_id] if is_here and (owner, each) in known]
        about = found.setdefault(row.domain_id, {"name": name, "here": is_here, "aliases": names})
        if row.domain.site_state == SiteState.DISABLED:
            about["disabled"] = True
        if row.is_catch_all:
            about["catch_all"] = row.address
    return list(found.values())


def _keys(
    rows: list[Mailbox],
    keys: dict[int, DkimKey],
    aliases: dict[int, list[str]],
    known: set[tuple[int, str]],
) -> dict[str, Any]:
    """What is signed with which key: names that are the subscriber's, no others."""
    domains = {row.domain_id: row for row in rows if row.domain_id in keys}
    found = []
    for pk, row in domains.items():
        names = [
            name
            for name in (row.domain.ascii, *aliases[pk])
            if (row.subscription_id, row.domain.ascii) in known
            and (row.subscription_id, name) in known
        ]
        found += signing.told(keys[pk], names)
    return {"keys": found} if found else {}


def _mailbox(row: Mailbox) -> dict[str, Any]:
    about: dict[str, Any] = {
        "id": row.pk,
        "local": row.local,
        "domain": row.domain.ascii,
        "password": row.password_hash,
        "on": row.is_on,
        "size": sizes.in_force(row.size, row.subscription.limits) or 0,
        "keeps": row.keeps,
        "aliases": row.aliases,
        "forwards": row.forwards,
    }
    if row.reply_text:
        about["reply"] = {"subject": row.reply_subject, "text": row.reply_text}
    return about
