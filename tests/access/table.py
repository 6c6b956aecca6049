"""Reads the tables beside it: text that a person can read and that fails when it is not complete.

A line holds words in columns; `#` begins a comment. The first line names the columns.
"""

from pathlib import Path

HERE = Path(__file__).resolve().parent


def rows(name: str) -> list[dict[str, str]]:
    """The lines of a table as dictionaries by column."""
    lines = [line.split("#")[0].split() for line in (HERE / name).read_text().splitlines()]
    head, *found = [line for line in lines if line]
    for line in found:
        assert len(line) == len(head), f"{name}: {' '.join(line)}"
    return [dict(zip(head, line, strict=True)) for line in found]
