"""Search for everything: one table of folded text, indexed by pieces of three letters."""

import unicodedata
from collections.abc import Callable, Iterable

from django.db import connection, models
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce

from panel.core.access import Actor

# Below this many hits a list sorts them itself; above, it walks its own order and asks of each row.
FEW = 1000
# An index of pieces of three letters knows no shorter word.
SHORT = 3


def fold(text: str) -> str:
    """Lower case without accents: what is stored, and what is searched for."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    kept = (c for c in decomposed if not unicodedata.combining(c) and c not in "\x00")
    return " ".join("".join(kept).split())


class SearchText(models.Model):
    """The words under which one object is found, with the owner columns of the object."""

    kind = models.CharField(max_length=30)
    object_id = models.BigIntegerField()
    account_id = models.BigIntegerField(null=True)
    reseller_id = models.BigIntegerField(null=True)
    label = models.CharField(max_length=255)
    detail = models.CharField(max_length=255, default="")
    text = models.TextField()
    # Waits to be purged: found in its list under the filter Removed, and nowhere else.
    is_removed = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "object_id"], name="core_searchtext_once")
        ]
        indexes = [
            models.Index("text", name="core_searchtext_prefix"),
        ]

    def __str__(self) -> str:
        return self.label


# noun -> the rows to be found for these ids: (id, account_id, reseller_id, label, detail, words,
# whether it waits to be purged)
Source = Callable[
    [list[int]], Iterable[tuple[int, int | None, int | None, str, str, list[str], bool]]
]
_sources: dict[str, Source] = {}


def register(noun: str, source: Source) -> None:
    """Say how the search text of a noun's rows is made."""
    _sources[noun] = source


def refresh(noun: str, ids: Iterable[int]) -> None:
    """Make the search text of these rows again, in the caller's transaction."""
    wanted = list(ids)
    if not wanted or noun not in _sources:
        return
    rows = [
        SearchText(
            kind=noun,
            object_id=pk,
            account_id=account_id,
            reseller_id=reseller_id,
            label=label[:255],
            detail=detail[:255],
            text=fold(" ".join(word for word in words if word))[:4000],
            is_removed=is_removed,
        )
        for pk, account_id, reseller_id, label, detail, words, is_removed in _sources[noun](wanted)
    ]
    found = {row.object_id for row in rows}
    gone = [pk for pk in wanted if pk not in found]
    if gone:
        SearchText.objects.filter(kind=noun, object_id__in=gone).delete()
    SearchText.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["kind", "object_id"],
        update_fields=["account_id", "reseller_id", "label", "detail", "text", "is_removed"],
    )


def matching(
    actor: Actor, text: str, kinds: Iterable[str] = (), *, removed: bool = False
) -> models.QuerySet:
    """Rows that the actor may see whose text holds every word of `text`: of what is present, or of
    what waits to be purged."""
    words = fold(text).split()
    rows = SearchText.objects.filter(is_removed=removed)
    if actor.is_reseller:
        rows = rows.filter(reseller_id=actor.account_id)
    elif not actor.is_administrator:
        rows = rows.filter(account_id=actor.account_id)
    if kinds := list(kinds):
        # Hidden where the beginning of the text is looked up: else SQLite goes by the kind.
        name = "kind"
        if is_prefix(text):
            rows, name = rows.alias(known_kind=Coalesce("kind", "kind")), "known_kind"
        rows = rows.filter(**{f"{name}__in": kinds})
    if not words:
        return rows.none()
    # Looked up by what an index knows: words of three letters, or else the first as a beginning.
    # Shorter ones beside it are asked of what that finds.
    known = [word for word in words if len(word) >= SHORT] or words[:1]
    for word in words:
        rows = _having(rows, word) if word in known else rows.filter(text__contains=word)
    return rows


def in_order(hits: models.QuerySet, text: str) -> models.QuerySet:
    """Hits in an order that costs nothing: that of the index they are read from."""
    return hits.order_by("text", "pk") if is_prefix(text) else hits.order_by("pk")


def is_prefix(text: str) -> bool:
    """Whether it is too short for pieces of three letters, so that only beginnings are found."""
    return all(len(word) < SHORT for word in fold(text).split())


def _having(rows: models.QuerySet, word: str) -> models.QuerySet:
    if len(word) < SHORT:
        # No three-letter piece to look up: the beginning of the text, by its index.
        return rows.filter(text__gte=word, text__lt=word + "\U0010ffff")
    if connection.vendor == "sqlite":
        quoted = '"' + word.replace('"', '""') + '"'
        # An expression, not extra(): inside another query the table has another name.
        matching = "SELECT rowid FROM core_searchtext_fts WHERE text MATCH %s"
        return rows.filter(pk__in=RawSQL(matching, [quoted]))  # noqa: S611  a parameter
    # `contains`, never `icontains`: UPPER() would miss the trigram index.
    return rows.filter(text__contains=word)
