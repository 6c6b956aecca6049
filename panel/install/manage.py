"""manage.py of a release, run as the panel's user; and the database, copied before it changes."""

import json
import time
from pathlib import Path
from subprocess import CompletedProcess
from urllib.parse import unquote, urlsplit, urlunsplit

from panel.install import files
from panel.install.places import PANEL_USER, PYTHON, Places
from panel.install.work import CannotInstall, Work, ran

_KEPT_COPIES = 5
# Run by the panel's user: root opens nothing by path where somebody else may write.
_COPY = """\
import sqlite3, sys
source = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
target = sqlite3.connect(sys.argv[2])
source.backup(target)
target.close()
"""
_PUT_BACK = """\
import os, sqlite3, sys
copy = sqlite3.connect(f"file:{sys.argv[2]}?mode=ro", uri=True)
database = sqlite3.connect(sys.argv[1])
copy.backup(database)
database.close()
"""


def environment(places: Places) -> dict[str, str]:
    """What the panel's processes are given."""
    return {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        "HOME": str(places.data),
        "PANEL_CONFIG": str(places.settings),
        "PYTHONUNBUFFERED": "1",
    }


def called(places: Places, release: Path, *words: str, given: str = "") -> CompletedProcess[str]:
    """How a command of manage.py ended."""
    python = release / ".venv/bin/python"
    return ran([python, "manage.py", *words], PANEL_USER, environment(places), release, given)


def call(work: Work, release: Path, *words: str, given: str = "") -> str:
    """Its output, or CannotInstall with its words."""
    done = called(work.places, release, *words, given=given)
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-25:])
        raise CannotInstall(f"manage.py {' '.join(words)} failed ({done.returncode}):\n{said}")
    return done.stdout


def waits_for_migrations(work: Work, release: Path) -> bool:
    """Whether this release wants another database than there is."""
    done = called(work.places, release, "migrate", "--check")
    if done.returncode not in {0, 1} or "Traceback" in done.stderr:
        raise CannotInstall(f"The database cannot be looked at:\n{done.stderr.strip()[-2000:]}")
    return done.returncode == 1


def copy_database(work: Work) -> Path:
    """Copy the database as it is; where to."""
    places = work.places
    stamp = time.strftime("%Y-%m-%dT%H%M%SZ", time.gmtime())
    url = files.settings(places).get("database_url", "")
    if url:
        target = places.copies / f"panel-{stamp}.dump"
        bare, variables = _without_password(url)
        work.run(
            ["pg_dump", "--format=custom", "--file", target, f"--dbname={bare}"],
            user=PANEL_USER,
            environment=variables,
        )
    else:
        database = places.data / "panel.sqlite3"
        target = places.copies / f"panel-{stamp}.sqlite3"
        work.run([PYTHON, "-I", "-c", _COPY, database, target], user=PANEL_USER)
    work.changed(f"copied the database to {target}")
    for old in sorted(places.copies.glob("panel-*"))[:-_KEPT_COPIES]:
        old.unlink()
    return target


def _without_password(url: str) -> tuple[str, dict[str, str]]:
    """The URL and the environment that goes with it: everybody sees a program's arguments."""
    parts = urlsplit(url)
    if parts.password is None:
        return url, {}
    user, _, host = parts.netloc.rpartition("@")
    bare = parts._replace(netloc=f"{user.partition(':')[0]}@{host}")
    return urlunsplit(bare), {"PGPASSWORD": unquote(parts.password)}


def put_back(work: Work, copy: Path) -> None:
    """Make the database what the copy holds."""
    if copy.suffix == ".sqlite3":
        database = work.places.data / "panel.sqlite3"
        work.run([PYTHON, "-I", "-c", _PUT_BACK, database, copy], user=PANEL_USER)
        work.changed("put the database back as it was")
    else:
        work.say(f"  The database was copied to {copy} before; pg_restore puts it back.")


def migrate(work: Work, release: Path, copy: Path | None) -> None:
    """Bring the database to this release, or put it back as it was."""
    try:
        call(work, release, "migrate", "--noinput", "-v", "0")
    except CannotInstall:
        if copy is not None:
            put_back(work, copy)
        raise
    work.changed("brought the database to this release")


def set_up_node(work: Work, release: Path, address: str) -> bool:
    """Write this machine down as the node that it is; say whether there is an administrator."""
    found = json.loads(call(work, release, "set_up_node", "--address", address))
    if found["node"]:
        work.changed(f"this machine is the node {found['node']}")
    return bool(found["administrator"])
