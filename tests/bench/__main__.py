"""`make bench`: what the panel costs at size, as ratios against the floor of the same run.

    python -m tests.bench [--customers N] [--sqlite-only] [--grow 1000,1000000] [--keep DIRECTORY]
                          [--parts lists,services,search,suspend,operations,worker,dns,home]

Figures are CPU milliseconds, the minimum of many turns taken by all candidates in rotation. On
PostgreSQL the server's own CPU is not in them; the wall time beside them has it.
"""

import argparse
import contextlib
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests import machine

ROOT = Path(__file__).resolve().parent.parent.parent
PARTS = ("lists", "services", "search", "suspend", "operations", "worker", "dns", "home")


def environment(data: Path, database: str) -> dict[str, str]:
    """What a panel of its own in `data` is started with."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PANEL_")}
    given = {
        "PANEL_DATA": str(data),
        "PANEL_SECRET_KEY": secrets.token_urlsafe(48),
        "DJANGO_SETTINGS_MODULE": "tests.bench.settings",
    }
    return kept | given | ({"PANEL_DATABASE_URL": database} if database else {})


def call(env: dict[str, str], *command: str) -> None:
    subprocess.run([sys.executable, *command], cwd=ROOT, env=env, check=True)


@contextlib.contextmanager
def panel(keep: Path | None, name: str, customers: int, database: str) -> Iterator[dict[str, str]]:
    """A seeded panel; a kept one is used again."""
    with contextlib.ExitStack() as stack:
        if keep is None:
            found = stack.enter_context(tempfile.TemporaryDirectory(prefix="freehold-bench-"))
            data = Path(found)
        else:
            data = keep / f"{name}-{customers}"
        (data / "static").mkdir(parents=True, exist_ok=True)
        env = environment(data, database)
        seeded = data / "seeded"
        if database or not seeded.exists():
            print(f"\n== {name}: seeding {customers:,} customers", flush=True)
            call(env, "manage.py", "migrate", "--verbosity=0", "--settings=panel.settings")
            call(env, "manage.py", "seed", f"--customers={customers}")
            seeded.touch()
        yield env


def measure(env: dict[str, str], parts: list[str]) -> None:
    for part in parts:
        call(env, "-m", f"tests.bench.{part}")


def main() -> int:
    """Each part on SQLite, then on PostgreSQL where it can be started."""
    parser = argparse.ArgumentParser(description=__doc__, usage=argparse.SUPPRESS)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--sqlite-only", action="store_true")
    parser.add_argument("--grow", default="")
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    parts = [part for part in options.parts.split(",") if part in PARTS]
    for size in [int(text) for text in options.grow.split(",") if text]:
        with panel(options.keep, "sqlite", size, "") as env:
            print(f"\n== sqlite at {size:,} customers")
            measure(env, [part for part in parts if part in {"lists", "search"}])
    with panel(options.keep, "sqlite", options.customers, "") as env:
        print("\n== sqlite", flush=True)
        measure(env, parts)
    reason = "not asked for" if options.sqlite_only else machine.why_no_postgres()
    if reason:
        print(f"\n== postgresql left out: {reason}")
        return 0
    with (
        machine.postgres_cluster() as database,
        panel(None, "postgresql", options.customers, database) as env,
    ):
        print("\n== postgresql", flush=True)
        measure(env, parts)
    return 0


if __name__ == "__main__":
    sys.exit(main())
