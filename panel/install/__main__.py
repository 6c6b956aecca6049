"""Installs, upgrades and removes Freehold on Debian: `make install`, `make upgrade`,
`make uninstall`. Standard library only; looks first and says what it changes.
"""

import argparse
import contextlib
import fcntl
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from panel.install import (
    administrator,
    files,
    manage,
    nss,
    packages,
    ports,
    release,
    removal,
    running,
)
from panel.install.options import Options, own_address
from panel.install.places import Places
from panel.install.work import CannotInstall, Work, complain, has_systemd

SOURCE = Path(__file__).resolve().parents[2]


def install(work: Work, options: Options) -> None:
    """Have everything in place and running. What is there already is left as it is."""
    places = work.places
    old = release.installed(places)
    _look_first(work, options, old)
    work.say("Packages and users")
    packages.install(work, with_postgresql=bool(options.database_url))
    packages.users(work)
    work.say("Directories and configuration")
    files.directories(work)
    files.configuration(work, options)
    files.certificate(work, options.host)
    nss.include(work)
    work.say("Code")
    new = release.build(work, SOURCE)
    place = places.releases / new.name
    # What is configured counts, not what was said to a second installation.
    front_changed = files.front(work, files.front_port(places))
    work.say("Database")
    if manage.waits_for_migrations(work, place):
        _migrate(work, place, had_one=old is not None)
    made = ""
    if not manage.set_up_node(work, place, options.address or own_address()):
        made = administrator.create(work, place, options)
    work.say("Services")
    is_new = old is None or old.name != new.name
    release.make_current(work, new)
    files.command(work)
    changed = files.units(work)
    release.prune(work)
    running.start(work, changed, is_new=is_new, front_changed=front_changed)
    _summary(work, made)


def _look_first(work: Work, options: Options, old: release.Release | None) -> None:
    """Refuse what would go wrong, before anything is changed."""
    places = work.places
    new = release.of_clone(SOURCE, release.files(SOURCE))
    if old is None:
        ports.check(options)
        return
    if why := release.why_older(SOURCE, new, old):
        raise CannotInstall(
            f"{new.name} would replace {old.name}, which is newer: {why}.\n"
            f"Nothing was changed. A copy of the database of then is in {places.copies}."
        )
    if ignored := options.only_at_first:
        work.say(
            f"  {', '.join(ignored)}: heeded by the first installation only. Now it is"
            f" {places.settings} and {places.agent_options} that count."
        )
    if edited := release.edited(places):
        work.say(
            f"  Changed by hand in {places.current.resolve()} and not taken along:"
            f" {', '.join(edited[:5])}. Changes belong into the clone."
        )


def _migrate(work: Work, place: Path, *, had_one: bool) -> None:
    """Nothing writes meanwhile; if it fails, the release that ran before runs on."""
    running.pause(work)
    try:
        manage.migrate(work, place, manage.copy_database(work) if had_one else None)
    except CannotInstall:
        if had_one:
            running.start(work, [], is_new=False, front_changed=False)
        raise


def _summary(work: Work, made: str) -> None:
    origin = files.settings(work.places)["origin"]
    lines = [f"Panel        {origin}/   (its certificate is self-signed until you put one into"]
    lines.append(f"             {work.places.tls}/; browsers warn until then)")
    if made:
        lines.append(f"Log in       {made}")
        lines.append("             This password is shown now and never again.")
    lines.append("Look after   freehold doctor")
    if not has_systemd() and not running.is_running(work.places):
        lines.append("Start        freehold run      (there is no systemd here)")
    if not work.changes:
        lines.insert(0, "Nothing had to be changed.")
    work.say("\n".join(["", *(f"  {line}" for line in lines), ""]))


@contextlib.contextmanager
def _alone(places: Places) -> Iterator[None]:
    """One installation at a time; panel and worker of `freehold run` wait meanwhile."""
    with places.lock.open("a") as lock:
        os.fchmod(lock.fileno(), 0o644)
        deadline = time.monotonic() + 10.0
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise CannotInstall("Another installation is under way.") from None
                time.sleep(0.1)
        yield


def main() -> int:
    """Read what is wanted; errors go to stderr, without a traceback where they were foreseen."""
    parser = argparse.ArgumentParser(prog="python3 -m panel.install", description=__doc__)
    parser.add_argument("what", choices=["install", "upgrade", "uninstall"])
    what = parser.parse_args().what
    work = Work(Places())
    os.umask(0o022)
    try:
        packages.check_system(work.places)
        if what == "upgrade" and release.installed(work.places) is None:
            raise CannotInstall("Nothing is installed here. make install")
        with _alone(work.places):
            if what == "uninstall":
                removal.remove(work, os.environ)
            else:
                install(work, Options.read(os.environ))
        if what != "uninstall" and running.is_running(work.places):
            running.await_panel(work)
    except CannotInstall as error:
        complain(f"\nmake {what}: {error}")
        return 1
    except KeyboardInterrupt:
        complain(f"\nmake {what} was interrupted. Run it again: it goes on where it ended.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
