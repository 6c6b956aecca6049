"""Prints figures in columns."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass
class Row:
    """One figure: CPU and wall milliseconds, what they are compared with, what they must reach."""

    name: str
    cpu: float
    wall: float
    ratio: str = ""
    target: str = ""
    more: str = ""
    missed: bool = False


def show(title: str, rows: Iterable[Row]) -> None:
    """A table; what misses its target says so."""
    print(f"\n  {title:<34}{'CPU ms':>9}{'wall':>9}  compared")
    for row in rows:
        compared = " ".join(filter(None, (row.ratio, f"({row.target})" if row.target else "")))
        miss = "  MISSED" if row.missed else ""
        print(
            f"  {row.name:<34}{row.cpu:>9.1f}{row.wall:>9.1f}  {compared:<26} {row.more}{miss}",
            flush=True,
        )
