"""Tables as CSV (RFC 4180), a line at a time, for programs and for spreadsheets."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from panel.core.lists import Listing

# What makes a spreadsheet take a cell for a formula.
FORMULA = frozenset("=+-@\t\r")


def harmless(value: Any) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = str(value if value is not None else "")
    return "'" + text if text[:1] in FORMULA else text


def lines(head: Sequence[Any], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """A header and rows as lines. It starts with a mark by which spreadsheets know UTF-8."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)

    def line(values: Sequence[Any]) -> str:
        writer.writerow([harmless(value) for value in values])
        text = buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
        return text

    yield "\ufeff" + line(head)
    for row in rows:
        yield line(row)


def of_list(listing: Listing) -> Iterator[str]:
    """The export of what a list's filter shows."""
    columns = (*listing.columns, *listing.page.more_csv)

    def rows() -> Iterator[list[Any]]:
        for batch in listing.batches():
            for row in batch:
                cells = [(column.csv or column.cell)(row, listing) for column in columns]
                yield [row.pk, *cells]

    return lines(["id", *(column.csv_label or column.label for column in columns)], rows())
