"""Files from whatever program: read as they were meant, or refused with the line at fault."""

import codecs
import contextlib

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from panel.core import csv_export, csv_files
from panel.core.csv_files import decoded, parsed, plain


def fault(data: bytes | str, encoding: str = "utf-8") -> str:
    with pytest.raises(ValidationError) as caught:
        parsed(data if isinstance(data, str) else decoded(data, encoding))
    (message,) = caught.value.messages
    return message


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_what_spreadsheets_write_is_read(delimiter: str, end: str, mark: bytes) -> None:
    lines = ["name{0}city", 'Änne{0}"Bad{0} Ems"', "", "{0}{0}", "Bo{0}Ulm{0}{0}"]
    text = end.join(lines).format(delimiter) + end
    table = parsed(decoded(mark + text.encode()))
    assert table.columns == ["name", "city"]
    assert [cells for _line, cells in table.rows] == [
        ["Änne", f"Bad{delimiter} Ems"],
        ["Bo", "Ulm"],
    ]


def test_lines_are_those_of_the_file() -> None:
    text = 'name,note\n\n"Anna\nBerg",x\n,\nBo,y\n'
    assert [line for line, _cells in parsed(text).rows] == [3, 6]
    assert [line for line, _cells in parsed("sep=;\nname;note\nBo;y\n").rows] == [3]


def test_utf_16_says_itself_what_it_is() -> None:
    assert parsed(decoded("name\tcity\nÄnne\tUlm\n".encode("utf-16"))).rows == [
        (2, ["Änne", "Ulm"])
    ]


def test_another_encoding_is_told_with_its_line() -> None:
    data = "name,city\nAnna,Ulm\nÄnne,Köln\n".encode("windows-1252")
    assert fault(data).startswith("Line 3 is not written in UTF-8.")
    assert parsed(decoded(data, "windows-1252")).rows[1] == (3, ["Änne", "Köln"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "The file is empty"),
        ("\n , \n", "The file is empty"),
        ("name,city\n", "There is nothing below"),
        ("name\nAnna\nBo\x00b\n", "Line 3 holds a NUL"),
        ('name,city\nAnna,Ulm\n"Bo,Ulm\nCy,Ulm\n', "Line 3: a quote begins here and is not closed"),
        ('name,city\nAnna,Ulm\n"Bo"b,Ulm\n', "Line 3: there is text behind a closed quote"),
        ("name\n" + "x" * 140_000 + "\n", "Line 2: a cell is too long"),
    ],
)
def test_what_is_no_csv_is_told_with_its_line(text: str, words: str) -> None:
    assert words in fault(text)


def test_a_huge_file_is_refused_by_its_size_and_by_its_rows() -> None:
    assert "larger than 5 MiB" in fault(b"x" * (csv_files.MAX_BYTES + 1))
    assert "larger than 5 MiB" in fault("x" * (csv_files.MAX_BYTES + 1))
    assert "more than 10,000 rows" in fault("name\n" + "x\n" * 100_000)
    assert len(parsed("name\n" + "x\n" * csv_files.MAX_ROWS).rows) == csv_files.MAX_ROWS


@given(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=40))
def test_what_is_exported_comes_back_as_it_was(text: str) -> None:
    """A formula is exported behind a quote, and the quote goes again."""
    lines = "".join(csv_export.lines(["name", "more"], [[text, "x"]]))
    first = next(csv_export.lines(["name"], []))
    assert first.startswith("\ufeff")
    assert not any(line[:1] in csv_export.FORMULA for line in lines.splitlines()[1:2])
    ((_line, cells),) = parsed(lines).rows
    assert plain(cells[0]) == plain(text)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(ValidationError):
        table = parsed(decoded(data))
        assert table.columns
        assert table.rows
