"""Status tags that say why, as far as the reader may know. Entries are read for a page at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from hosting.models.suspension import Kind, Level, Scope, SuspensionEntry
from hosting.suspension import known_cause
from panel.core.access import Actor, Role
from panel.core.markup import day, safe, tag

# By value, as rows have them: a member of Level is another key than its text.
_LEVELS = (Level.ADMINISTRATOR, Level.RESELLER, Level.CUSTOMER, Level.EXPIRED, Level.OVERUSE)
_ORDER = [level.value for level in _LEVELS]
_BY = {
    Level.ADMINISTRATOR.value: gettext_noop("Suspended by the administrator"),
    Level.RESELLER.value: gettext_noop("Suspended by the reseller"),
    Level.CUSTOMER.value: gettext_noop("Switched off by the subscriber"),
}


@dataclass
class Causes:
    """The entries that bear on some rows: their own, and of the accounts above."""

    of_account: dict[int, list[SuspensionEntry]] = field(default_factory=dict)
    of_subscription: dict[int, list[SuspensionEntry]] = field(default_factory=dict)

    def of(self, row: Any, *, is_account: bool) -> list[SuspensionEntry]:
        """Entries on the row itself (a domain's: its subscription's), then on what is above."""
        number = getattr(row, "subscription_id", row.pk)
        found = list(self.of_subscription.get(number, [])) if not is_account else []
        for owner in dict.fromkeys((row.account_id, row.reseller_id)):
            entries = self.of_account.get(owner, [])
            is_self = is_account and owner == row.pk
            found += [e for e in entries if is_self or e.scope == Scope.EVERYTHING]
        if len(found) > 1:
            found.sort(key=lambda entry: _ORDER.index(entry.level))
        return found


def causes(rows: Sequence[Any], *, subscriptions: Iterable[int] = ()) -> Causes:
    """One statement for all rows of a page; none if nothing on it is suspended."""
    owners = {pk for row in rows for pk in (row.account_id, row.reseller_id) if pk}
    result = Causes()
    if not rows:
        return result
    entries = SuspensionEntry.objects.filter(
        Q(account_id__in=owners) | Q(subscription_id__in=list(subscriptions))
    )
    for entry in entries:
        if entry.account_id:
            result.of_account.setdefault(entry.account_id, []).append(entry)
        else:
            result.of_subscription.setdefault(entry.subscription_id, []).append(entry)
    return result


def _kind(kind: str) -> str:
    return "" if kind == Kind.OTHER else str(Kind(kind).label).lower()


def words(entry: SuspensionEntry, actor: Actor) -> str:
    """Why, in a line: "Suspended by the administrator, 3 Nov 2026: invoice 1042 unpaid"."""
    if entry.level == Level.EXPIRED:
        return _("Expired")
    if entry.level == Level.OVERUSE:
        return _("Suspended: more is used than allowed")
    if not known_cause(entry, actor):
        text = _("Suspended by your provider")
        # What was written to a reseller is not for those below it.
        is_addressed = entry.account_id is None or entry.account_id == actor.account_id
        is_addressed = is_addressed or actor.is_reseller
        return f"{text}: {entry.message}" if entry.message and is_addressed else text
    is_own = entry.level == Level.RESELLER and actor.is_reseller
    by = _("Suspended by you") if is_own else _(_BY[entry.level])
    tail = entry.message or _kind(entry.kind)
    return f"{by}, {day(entry.at)}" + (f": {tail}" if tail else "")


def words_with_note(entry: SuspensionEntry, actor: Actor) -> str:
    """The same, with the internal note, which is for the entry's level and those above it."""
    text = words(entry, actor)
    levels = {Role.ADMINISTRATOR: set(Level), Role.RESELLER: {Level.RESELLER}}
    may_read = entry.level in levels.get(actor.role, ())
    return f"{text} — {entry.note}" if entry.note and may_read else text


def reason(row: Any, found: Causes, actor: Actor, *, is_account: bool) -> str:
    """The first cause that bears on the row, in words."""
    entries = found.of(row, is_account=is_account)
    return words(entries[0], actor) if entries else ""


def account_tag(row: Any, found: Causes, actor: Actor) -> SafeString:
    if row.removing_at is not None:
        return tag(_("Removed"), "mute", _("Until %(day)s") % {"day": day(row.purge_at)})
    if not row.is_suspended:
        return tag(_("Active"), "ok")
    return _with_reason(_("Suspended"), "bad", reason(row, found, actor, is_account=True))


def reseller_tags(row: Any, found: Causes, actor: Actor) -> SafeString:
    """Status, and whether more is used than allowed: that stops nothing."""
    if row.removing_at is not None:
        return account_tag(row, found, actor)
    first = tag(_("Suspended"), "bad") if row.is_suspended else tag(_("Active"), "ok")
    tags = " ".join([first, *(tag(text, tone) for text, tone in reseller_flags(row))])
    why = reason(row, found, actor, is_account=True) if row.is_suspended else ""
    # Each part was escaped by safe() or is a tag.
    return SafeString(f'{tags}<div class="sub">{safe(why)}</div>' if why else tags)


def reseller_flags(row: Any) -> list[tuple[str, str]]:
    """The states of a reseller that stand beside active or suspended."""
    found = []
    if row.is_overused:
        found.append((_("Overused"), "warn"))
    if row.is_locked:
        found.append((_("Locked"), "info"))
    return found


def subscription_tags(row: Any, found: Causes, actor: Actor) -> SafeString:
    if row.removing_at is not None:
        return tag(_("Removed"), "mute", _("Until %(day)s") % {"day": day(row.purge_at)})
    shown = flags(row)
    first = tag(_("Suspended"), "bad") if row.is_suspended else tag(_("Active"), "ok")
    tags = " ".join([first, *(tag(text, tone) for text, tone in shown)])
    why = reason(row, found, actor, is_account=False) if row.is_suspended else ""
    # What a tag says already is not said again.
    if not why or why in {text for text, _tone in shown}:
        # Made of tags.
        return SafeString(tags)
    # Each part was escaped by safe().
    return SafeString(f'{tags}<div class="sub">{safe(why)}</div>')


def flags(row: Any) -> list[tuple[str, str]]:
    """The states that stand beside active or suspended."""
    found = []
    if row.is_expired:
        found.append((_("Expired"), "warn"))
    if row.is_overused:
        found.append((_("Overused"), "warn"))
    if row.is_locked:
        found.append((_("Locked"), "info"))
    if row.is_unsynced:
        found.append((_("Unsynchronised"), "warn"))
    if row.is_failed:
        found.append((_("Failed"), "bad"))
    return found


def _with_reason(text: str, tone: str, why: str) -> SafeString:
    if not why:
        return tag(text, tone)
    # Each part was escaped by safe().
    return SafeString(f'{tag(text, tone)}<div class="sub">{safe(why)}</div>')
