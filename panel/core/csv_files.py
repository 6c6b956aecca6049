"""Reads CSV that people made with whatever program; every fault is told with its line."""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from panel.core.csv_export import FORMULA

MAX_BYTES = 5 * 1024 * 1024
MAX_ROWS = 10_000
# In the order in which spreadsheets like them; the one that the head has most of is meant.
_DELIMITERS = ",;\t"
_SEP_LINE = re.compile(r"\Asep=([,;\t])\r?\n", re.IGNORECASE)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass
class Table:
    """The head and the rows of a file, each row with the line that it begins in."""

    columns: list[str]
    rows: list[tuple[int, list[str]]] = field(default_factory=list)


def too_large() -> ValidationError:
    words = _("The file is larger than %(size)s MiB. Split it.")
    return ValidationError(words % {"size": MAX_BYTES // 1024**2})


def decoded(data: bytes, encoding: str = "utf-8") -> str:
    """The text of a file; what begins with a byte order mark says itself how it is encoded."""
    if len(data) > MAX_BYTES:
        raise too_large()
    for mark, named in _BOMS:
        if data.startswith(mark):
            encoding = named
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        words = _(
            "Line %(line)s is not written in %(encoding)s. Save the file as “CSV UTF-8”, or choose"
            " the encoding that it has."
        )
        raise ValidationError(words % {"line": line, "encoding": encoding.upper()}) from None


def parsed(text: str) -> Table:
    """The table of a text, or ValidationError. Empty lines are skipped."""
    text = text.removeprefix("\ufeff")
    if len(text) > MAX_BYTES:
        raise too_large()
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        raise ValidationError(_("Line %(line)s holds a NUL: this is no text.") % {"line": line})
    first, delimiter = 0, ""
    if found := _SEP_LINE.match(text):
        first, delimiter, text = 1, found[1], text[found.end() :]
    records = _records(text, delimiter or _delimiter_of(text), first)
    _line, columns = next(records, (1, []))
    if not columns:
        raise ValidationError(_("The file is empty: the first line names the columns."))
    table = Table([column.strip() for column in _trimmed(columns, 0)])
    for line, cells in records:
        if len(table.rows) == MAX_ROWS:
            words = _("The file has more than %(most)s rows. Split it.")
            raise ValidationError(words % {"most": f"{MAX_ROWS:,}"})
        table.rows.append((line, _trimmed(cells, len(table.columns))))
    if not table.rows:
        raise ValidationError(_("There is nothing below the names of the columns."))
    return table


def _delimiter_of(text: str) -> str:
    head = re.sub(r'"[^"]*"', "", text[:10_000].lstrip().split("\n", 1)[0])
    return max(_DELIMITERS, key=head.count)


def _records(text: str, delimiter: str, before: int) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of each record that says anything; `before` lines were taken off already."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = before + 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise ValidationError(_fault(str(error)) % {"line": line}) from None
        if any(cell.strip() for cell in cells):
            yield line, cells
        line = before + reader.line_num + 1


def _fault(words: str) -> str:
    if "end of data" in words:
        return _("Line %(line)s: a quote begins here and is not closed.")
    if "expected after" in words:
        return _("Line %(line)s: there is text behind a closed quote. Double the quotes inside.")
    return _("Line %(line)s: a cell is too long, or the line cannot be read.")


def plain(cell: str) -> str:
    """A cell as it was meant: without blanks around, and without the quote of our own exports."""
    text = cell.lstrip()
    # Before the end is trimmed: what the quote guards may be white space itself.
    if text[:1] == "'" and text[1:2] in FORMULA:
        text = text[1:]
    return text.strip()


def _trimmed(cells: list[str], least: int) -> list[str]:
    """Without the empty cells that spreadsheets leave at the end of lines."""
    while len(cells) > least and not cells[-1].strip():
        cells = cells[:-1]
    return cells
