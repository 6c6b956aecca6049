"""List pages: columns and sorts are declared; filtering, paging and rendering are here."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.db import models
from django.utils.functional import Promise
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from panel.core import search
from panel.core.access import Actor, Role
from panel.core.filters import PanelFilterSet, in_trash
from panel.core.markup import attribute, safe
from panel.core.operations import ANY_ROLE, nouns
from panel.core.paging import beyond, make_token, order, read_token
from panel.core.rows import Row, among

Text = str | Promise
SIZES = (25, 50, 100)
# Counted exactly up to here; beyond, a count would cost more than the page.
COUNT_UP_TO = 10_000


@dataclass(frozen=True)
class Column:
    """One column: `cell` makes the page's content of a row, text (escaped) or Markup; `csv` the
    export's, which is `cell` unless given. `sort` names the Sort behind the header. `is_plain`:
    the content says what it is (a status, say), so that it needs no label where there is no head.
    """

    label: Text
    cell: Callable[[Any, "Listing"], Any]
    csv: Callable[[Any, "Listing"], Any] | None = None
    # The head of the export, where the page's says more than that.
    csv_label: Text = ""
    sort: str = ""
    css: str = ""
    # What the cell tells of a row: where a list is narrowed to one of these, it would say the same
    # in every row, so the column is left out.
    tells: tuple[str, ...] = ()
    # For whom it says something.
    roles: frozenset[Role] = ANY_ROLE
    is_plain: bool = False


@dataclass(frozen=True)
class Sort:
    """An order that an index offers: one stored NOT NULL column, ties broken by id."""

    name: str
    column: str


class ListPage:
    """What a kind of list shows. Subclasses declare; a Listing is made of it for each request."""

    noun: ClassVar[str]
    title: ClassVar[Text]
    columns: ClassVar[tuple[Column, ...]]
    # What the export has besides.
    more_csv: ClassVar[tuple[Column, ...]] = ()
    sorts: ClassVar[tuple[Sort, ...]]
    default_sort: ClassVar[str] = "name"
    filterset_class: ClassVar[type[PanelFilterSet]]
    # Whose list it is. What is on it follows from visible_to().
    roles: ClassVar[frozenset[Role]] = ANY_ROLE
    url_name: ClassVar[str]
    search_kinds: ClassVar[tuple[str, ...]] = ()
    # The columns that the cells of a page read, in a line: nothing else is fetched for it.
    # Empty: everything.
    fields: ClassVar[str] = ""
    empty_title: ClassVar[Text] = ""
    empty_text: ClassVar[Text] = ""
    # Nouns whose lists stand beside this one as tabs, itself among them; one of them says so. For
    # whom, and the words on this one's tab, if they are not those of its noun.
    beside: ClassVar[tuple[str, ...]] = ()
    beside_roles: ClassVar[frozenset[Role]] = ANY_ROLE
    tab_label: ClassVar[Text] = ""

    def why_empty(self, actor: Actor) -> Text:
        """What is said where there is nothing yet."""
        return self.empty_text

    def rows(self, actor: Actor) -> Any:
        """All rows of the list, scoped to the actor, before filter and search."""
        return nouns[self.noun].visible_to(actor)

    def acts(self, actor: Actor) -> bool:
        """Whether there are buttons over the list: not for who would be refused by each."""
        return True

    def extra(self, rows: list[Any], listing: "Listing") -> dict[str, Any]:
        """What cells need besides their row, for the whole page at once."""
        return {}

    def header_links(self, actor: Actor) -> list[dict[str, Any]]:
        """Ways beside the title to what belongs to the list: {label, url}."""
        return []

    def add_buttons(self, actor: Actor) -> list[dict[str, Any]]:
        """Add buttons besides the one for what is made on one's own account: {label, url}."""
        return []

    def found(self, actor: Actor, queryset: Any, text: str) -> Any:
        """The rows that match the search field, of a page that finds by itself; the others have the
        index of words."""
        raise NotImplementedError


list_pages: dict[str, type[ListPage]] = {}


def register_list(cls: type[ListPage]) -> type[ListPage]:
    """Make the list of a noun known to the API and to the command line's `--filter`."""
    list_pages[cls.noun] = cls
    return cls


@dataclass
class Listing:
    """One list as one person asked for it."""

    page: ListPage
    actor: Actor
    params: Mapping[str, str]
    size: int = 25
    selected: frozenset[int] = frozenset()
    reasons: Mapping[int, str] = field(default_factory=dict)
    # For lists inside another object's page: rows narrowed to it.
    narrow: Mapping[str, Any] | None = None
    # Only what the cells read is wanted: for a page, not for the API, which shows other columns.
    lean: bool = False
    _url_patterns: dict[str, tuple[str, str, str]] = field(default_factory=dict)

    @cached_property
    def columns(self) -> list[Column]:
        """The columns that tell this person something here."""
        fixed = set(self.narrow or ())
        return [
            column
            for column in self.page.columns
            if self.actor.role in column.roles and not fixed & set(column.tells)
        ]

    @cached_property
    def filterset(self) -> PanelFilterSet:
        return self._filterset()

    def _filterset(self) -> PanelFilterSet:
        rows = self.page.rows(self.actor)
        if self.narrow is not None:
            rows = rows.filter(**self.narrow)
        return self.page.filterset_class(self.params, queryset=rows, actor=self.actor)

    @cached_property
    def text(self) -> str:
        return self.params.get("q", "").replace("\x00", "").strip()[:200]

    @cached_property
    def matching(self) -> Any:
        """All rows that match filter and search, in no order: what "select all" means."""
        return self._found(self.filterset.rows)

    def _walked(self, sort: Sort) -> Any:
        """All that match, asked for in a way that leaves the order's index to the database."""
        if not self.filterset.chips():
            return self.matching
        walked = self._filterset()
        walked.walk = sort.column
        return self._found(walked.rows)

    def _found(self, rows: Any) -> Any:
        if not self.text:
            return rows
        if not self._has_words:
            return self.page.found(self.actor, rows, self.text)
        if len(self._hits) <= search.FEW:
            return rows.filter(pk__in=self._hits)
        # The list walks its own order and finds a page's worth of them soon.
        one = self._hit_rows().filter(object_id=models.OuterRef("pk"))
        return rows.filter(models.Exists(one.values("pk")))

    @property
    def _has_words(self) -> bool:
        """Whether the index of words answers the search field, and not the page itself."""
        return type(self.page).found is ListPage.found

    @cached_property
    def _hits(self) -> list[int]:
        """What the index of words has for the search field; as many as are counted."""
        found = self._hit_rows().values_list("object_id", flat=True)
        return list(found[: COUNT_UP_TO + 1])

    def _hit_rows(self) -> Any:
        kinds = self.page.search_kinds or (self.page.noun,)
        return search.matching(self.actor, self.text, kinds, removed=in_trash(self.params))

    @cached_property
    def _many_hits(self) -> int:
        """How many rows a search by itself finds, if more than a few; else 0. The index of words
        knows, where asking each row of the list would go through all of them."""
        alone = self.text and not self.filterset.chips() and self.actor.subscriptions is None
        if not alone or self.narrow or not self._has_words:
            return 0
        return len(self._hits) if len(self._hits) > search.FEW else 0

    @cached_property
    def few(self) -> list[int] | None:
        """The matching rows' numbers where something narrows the list and they are few; or None.

        A filter that little matches would have the database walk an order's index for a page's
        worth of rows, up to its end. So it is asked for a bounded number of them first, in no
        order; few are sorted, many are soon met on the walk. What was found is the count as well.
        """
        if not self.is_filtered:
            return None
        rows = self.matching.order_by().values_list("pk", flat=True)
        if self._many_hits:
            return None
        found = list(rows[: search.FEW + 1])
        return found if len(found) <= search.FEW else None

    @cached_property
    def is_filtered(self) -> bool:
        return bool(self.text or self.filterset.chips())

    @cached_property
    def sort(self) -> tuple[Sort, bool]:
        """The sort and whether it descends; an unknown one is the default."""
        asked = self.params.get("sort", "") or self.page.default_sort
        by_name = {sort.name: sort for sort in self.page.sorts}
        sort = by_name.get(asked.lstrip("-"))
        if sort is None:
            return by_name[self.page.default_sort.lstrip("-")], self.page.default_sort[0] == "-"
        return sort, asked.startswith("-")

    @cached_property
    def window(self) -> tuple[list[Any], str, str]:
        """The rows of this page, and the tokens of the page before and after ("" for none)."""
        sort, descending = self.sort
        after = read_token(self.params.get("after"))
        before = read_token(self.params.get("before"))
        backwards = before is not None
        rows = self._page_rows(sort, descending != backwards)
        anchor = before if backwards else after
        if anchor is not None:
            rows = beyond(rows, sort.column, anchor, descending != backwards)
        found = list(rows[: self.size + 1])
        if self.lean and self.page.fields:
            found = [Row(values, rows.model) for values in found]
        more, found = len(found) > self.size, found[: self.size]
        if backwards:
            found.reverse()
        if not found:
            return [], "", ""
        has_before = more if backwards else after is not None
        has_after = True if backwards else more
        return (
            found,
            make_token(found[0], sort.column) if has_before else "",
            make_token(found[-1], sort.column) if has_after else "",
        )

    def _few_rows(self) -> Any:
        """The few by their numbers alone.

        SECURITY: the scoped query has just named them. Asked for its conditions as well, SQLite
        would go by one of these and through all rows of the list.
        """
        rows = self.matching.model._base_manager.filter(pk__in=among(self.few or ()))
        rows.query.select_related = self.matching.query.select_related
        return rows

    def _page_rows(self, sort: Sort, descending: bool) -> Any:
        rows = self._few_rows() if self.few is not None else self._walked(sort)
        rows = rows.order_by(*order(sort.column, descending))
        if self.lean and self.page.fields:
            rows = rows.values("id", *self.page.fields.split())
        return rows

    @cached_property
    def count(self) -> int:
        """How many match; COUNT_UP_TO + 1 stands for more than that."""
        if self.few is not None:
            return len(self.few)
        if self._many_hits:
            return self._many_hits
        return self.matching.order_by().values("pk")[: COUNT_UP_TO + 1].count()

    @cached_property
    def extra(self) -> dict[str, Any]:
        return self.page.extra(self.window[0], self)  # noqa: S610  not QuerySet.extra

    def url(self, pk: int) -> str:
        """A row's page."""
        return self.url_of(self.page.noun, pk)

    def url_of(self, noun: str, pk: int) -> str:
        """The page of another object that a row names; reversed once for all rows."""
        if noun not in self._url_patterns:
            self._url_patterns[noun] = nouns[noun].url(0).partition("/0/")
        before, _pk, after = self._url_patterns[noun]
        return f"{before}/{pk}/{after}" if before else ""

    def query(self, **changes: str | None) -> str:
        """The query string of this list with changes; None drops a parameter."""
        values = {key: value for key, value in self.params.items() if value and key != "run"}
        for key, value in changes.items():
            values.pop(key, None)
            if value:
                values[key] = value
        return "?" + urlencode(values)

    def table(self, *, pick: bool = True) -> SafeString:
        """The table as Markup. No template code runs per row."""
        rows = self.window[0]
        head = "".join(self._head(column) for column in self.columns)
        box = f'<th class="pick">{pick_page()}</th>' if pick else ""
        body = "".join(self._row(row, pick) for row in rows)
        return mark_safe(  # noqa: S308  every part is escaped where it is made
            f'<table class="list"><thead><tr>{box}{head}</tr></thead><tbody>{body}</tbody></table>'
        )

    def _head(self, column: Column) -> str:
        css, label = _css(column), safe(column.label)
        if not column.sort:
            return f'<th scope="col"{css}>{label}</th>'
        sort, descending = self.sort
        is_this = sort.name == column.sort
        state = f' aria-sort="{"descending" if descending else "ascending"}"' if is_this else ""
        target = f"-{column.sort}" if is_this and not descending else column.sort
        href = safe(self.query(sort=target, after=None, before=None))
        return f'<th scope="col"{css}{state}><a href="{href}">{label}</a></th>'

    def _row(self, row: Any, pick: bool) -> str:
        texts = ((opening, safe(cell(row, self))) for opening, cell in self._cells)
        cells = [f"{opening}>{text}" if text else "<td>" for opening, text in texts]
        css = ""
        if reason := self.reasons.get(row.pk):
            cells[0] += f'<div class="why">{safe(reason)}</div>'
            css = ' class="is-refused"'
        box = self._pick(row) if pick else ""
        if pick:
            # Its box is named by it: shorter than its name once more, and never another one.
            cells[0] = f"<td id=r{int(row.pk)}{cells[0][3:]}"
        # Without the end tags that HTML leaves out, and what an empty cell has no use for.
        return f"<tr{css}>{box}{''.join(cells)}"

    @cached_property
    def _cells(self) -> list[tuple[str, Callable[[Any, "Listing"], Any]]]:
        """What comes before each column's content, the same in all rows, and what makes that."""
        return [(f"<td{_css(column)}{_label(column)}", column.cell) for column in self.columns]

    def _pick(self, row: Any) -> str:
        checked = " checked" if row.pk in self.selected else ""
        pk = int(row.pk)
        return f"<td><input type=checkbox name=ids value={pk} aria-labelledby=r{pk}{checked}>"

    def batches(self, size: int = 1000) -> Iterator[list[Any]]:
        """All that the filter shows, in its order, a bounded number at once; `extra` is theirs."""
        sort, descending = self.sort
        last: tuple[Any, int] | None = None
        while True:
            rows = self._walked(sort).order_by(*order(sort.column, descending))
            if last is not None:
                rows = beyond(rows, sort.column, last, descending)
            batch = list(rows[:size])
            self.extra = self.page.extra(batch, self)  # noqa: S610  not QuerySet.extra
            yield batch
            if len(batch) < size:
                return
            last = (getattr(batch[-1], sort.column), batch[-1].pk)


def _css(column: Column) -> str:
    return f" class={attribute(column.css)}" if column.css else ""


def _label(column: Column) -> str:
    """What stands before the cell where there is no room for a head."""
    return "" if column.is_plain or column.css == "main" else f" data-th={attribute(column.label)}"


def pick_page() -> SafeString:
    """The box that ticks all rows of a page, for who has the script."""
    label = safe(_("Select this page"))
    # Each part was escaped by safe().
    return SafeString(f'<input type="checkbox" data-select-page aria-label="{label}">')
