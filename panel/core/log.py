"""The activity log: who did what, for whom, with old and new values, in the same transaction."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, models, transaction
from django.utils import timezone
from django.utils.functional import Promise

from panel.core import rows
from panel.core.access import Actor


class ActivityQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor | None) -> "ActivityQuerySet":
        """Entries about what the actor could see when they were written. Same shape as Owned."""
        if actor is None:
            return self.none()
        if actor.is_administrator:
            scoped = self.all()
        elif actor.is_reseller:
            scoped = self.filter(reseller_id=actor.account_id)
        else:
            scoped = self.filter(account_id=actor.account_id)
        if actor.subscriptions is not None:
            scoped = scoped.filter(subscription_id__in=actor.subscriptions)
        if actor.areas is not None and "users" not in actor.areas:
            # Colleagues are not on the list of users either; oneself is.
            about_others = models.Q(target_kind="user") & ~models.Q(target_id=actor.user_id)
            scoped = scoped.exclude(about_others)
        return scoped


class Activity(models.Model):
    """One entry. Everything is text and numbers as of then; nothing refers to rows that can go.

    The database refuses UPDATE and DELETE (a trigger), but for sealing an unsealed entry and for
    erasing `details`, whose digest stays, so that the chain still verifies.
    """

    at = models.DateTimeField()
    action = models.CharField(max_length=80)
    target_kind = models.CharField(max_length=30)
    target_id = models.BigIntegerField()
    target_label = models.CharField(max_length=255)
    account_id = models.BigIntegerField(null=True)
    reseller_id = models.BigIntegerField(null=True)
    subscription_id = models.BigIntegerField(null=True)
    actor_id = models.BigIntegerField(null=True)
    actor_name = models.CharField(max_length=255)
    actor_role = models.CharField(max_length=15, default="")
    # The person behind, while logged in as somebody else.
    real_name = models.CharField(max_length=255, default="")
    real_role = models.CharField(max_length=15, default="")
    door = models.CharField(max_length=10)
    address = models.CharField(max_length=45, default="")
    request_id = models.CharField(max_length=16, default="")
    run_id = models.BigIntegerField(null=True)
    # NULL: erased. The digest of what stood there stays.
    details = models.TextField(null=True)  # noqa: DJ001
    details_digest = models.CharField(max_length=64)
    seal = models.ForeignKey("core.Seal", models.PROTECT, null=True, db_index=False)

    objects = ActivityQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index("id", name="core_activity_unsealed", condition=models.Q(seal=None)),
            # In the order in which they are shown, by whose sight it is and by each filter.
            models.Index("at", "id", name="core_activity_at"),
            models.Index("reseller_id", "at", "id", name="core_activity_reseller"),
            models.Index("account_id", "at", "id", name="core_activity_account"),
            models.Index("target_kind", "target_id", "at", "id", name="core_activity_target"),
            models.Index(
                "subscription_id",
                "at",
                "id",
                name="core_activity_subscription",
                condition=models.Q(subscription_id__isnull=False),
            ),
            models.Index("action", "at", "id", name="core_activity_action"),
            models.Index("actor_name", name="core_activity_actor"),
            models.Index("real_name", name="core_activity_real"),
            models.Index("target_label", name="core_activity_label"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.target_label}"

    @property
    def old(self) -> dict[str, Any]:
        return json.loads(self.details).get("old", {}) if self.details else {}

    @property
    def new(self) -> dict[str, Any]:
        return json.loads(self.details).get("new", {}) if self.details else {}


class Seal(models.Model):
    """A digest over some entries and the digest before: a link of the chain."""

    at = models.DateTimeField(default=timezone.now)
    entries = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)

    def __str__(self) -> str:
        return self.digest[:12]


# Words for codes that no operation has.
labels: dict[str, str | Promise] = {}


@dataclass
class Entry:
    """What is to be written about one target."""

    action: str
    kind: str
    target: Any
    old: dict[str, Any] = field(default_factory=dict)
    new: dict[str, Any] = field(default_factory=dict)


_COLUMNS = [
    "at",
    "action",
    "target_kind",
    "target_id",
    "target_label",
    "account_id",
    "reseller_id",
    "subscription_id",
    "actor_id",
    "actor_name",
    "actor_role",
    "real_name",
    "real_role",
    "door",
    "address",
    "request_id",
    "run_id",
    "details",
    "details_digest",
]


def write(actor: Actor, entries: Iterable[Entry], run_id: int | None = None) -> None:
    """Write entries in the caller's transaction, with one statement for all of them."""
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    person = actor.person
    several = list(entries)
    if several:
        # Many targets mostly change alike: their values are written out once.
        alike = {(id(entry.old), id(entry.new)): entry for entry in several}
        details = {key: _details(entry) for key, entry in alike.items()}
        values = (
            _row(entry, details[id(entry.old), id(entry.new)], now, actor, person, run_id)
            for entry in several
        )
        rows.insert(Activity, " ".join(_COLUMNS), values)


def _details(entry: Entry) -> tuple[str, str]:
    """Old and new values as text, and its digest."""
    text = json.dumps({"old": entry.old, "new": entry.new}, default=str, sort_keys=True)
    return text, hashlib.sha256(text.encode()).hexdigest()


def _row(
    entry: Entry,
    details: tuple[str, str],
    now: Any,
    actor: Actor,
    person: Actor,
    run_id: int | None,
) -> tuple:
    target = entry.target
    subscription = getattr(target, "subscription_id", None)
    if entry.kind == "subscription":
        subscription = target.pk
    return (
        now,
        entry.action,
        entry.kind,
        target.pk,
        str(target)[:255],
        getattr(target, "account_id", None),
        getattr(target, "reseller_id", None),
        subscription,
        actor.user_id,
        actor.username,
        str(actor.role),
        person.username if person is not actor else "",
        str(person.role) if person is not actor else "",
        actor.door,
        actor.address,
        actor.request_id,
        run_id,
        *details,
    )


_SEALED = [name for name in _COLUMNS if name != "details"]


def _digest(previous: str, rows: Iterable[tuple]) -> str:
    chain = hashlib.sha256(previous.encode())
    for row in rows:
        values = [value.isoformat() if hasattr(value, "isoformat") else value for value in row]
        chain.update(json.dumps(values).encode())
    return chain.hexdigest()


def seal(limit: int = 5000) -> int:
    """Chain the entries that are not sealed yet; returns how many. Called by one worker at a time.

    Sealing apart from writing: chaining inside each operation's transaction would make all
    operations wait for each other.
    """
    with transaction.atomic():
        last = Seal.objects.select_for_update().order_by("-pk").first()
        rows = list(
            Activity.objects.filter(seal=None).order_by("pk").values_list("pk", *_SEALED)[:limit]
        )
        if not rows:
            return 0
        link = Seal.objects.create(
            entries=len(rows), digest=_digest(last.digest if last else "", rows)
        )
        Activity.objects.filter(pk__in=[row[0] for row in rows]).update(seal=link)
    return len(rows)


def verify() -> list[str]:
    """What is wrong with the chain, in words; an empty list if nothing is."""
    problems, previous = [], ""
    for link in Seal.objects.order_by("pk").iterator():
        rows = list(Activity.objects.filter(seal=link).order_by("pk").values_list("pk", *_SEALED))
        if len(rows) != link.entries:
            problems.append(
                f"seal {link.pk}: {link.entries} entries were sealed, {len(rows)} found"
            )
        elif _digest(previous, rows) != link.digest:
            problems.append(f"seal {link.pk}: an entry was changed")
        previous = link.digest
    kept = Activity.objects.exclude(details=None).values_list("pk", "details", "details_digest")
    for pk, details, digest in kept.iterator():
        if hashlib.sha256((details or "").encode()).hexdigest() != digest:
            problems.append(f"entry {pk}: its values were changed")
    return problems
