"""A release: the code of a clone, its virtual environment, the agent's archive, static files.

It is built beside the one that runs and becomes the current one by one rename of a link. Its name
holds a digest of its files, so the same code is installed once.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from panel.install import agent_archive
from panel.install.places import PYTHON, Places
from panel.install.work import CannotInstall, Work, ran

_ABOUT = "RELEASE.json"
_COMPLETE = ".complete"
_LEFT_OUT = {".git", ".ci", ".venv", "tests", "var", "build", "screenshots", "__pycache__"}
_KEPT = 3


@dataclass(frozen=True)
class Release:
    """What is known of a release that is installed, or would be."""

    name: str
    version: str
    commit: str = ""
    migrations: list[str] = field(default_factory=list)


def files(source: Path) -> list[Path]:
    """The files of a clone that are installed, relative to it: local changes and additions too."""
    listed = ran(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "-co", "--exclude-standard"],
        directory=source,
    ) if (source / ".git").exists() and shutil.which("git") else None  # fmt: skip
    if listed is not None and listed.returncode == 0:
        names = [Path(name) for name in listed.stdout.split("\0") if name]
    else:
        names = [path.relative_to(source) for path in _walked(source)]
    return sorted(
        name
        for name in names
        if not _LEFT_OUT.intersection(name.parts)
        and (source / name).is_file()
        and not (source / name).is_symlink()
    )


def _walked(source: Path) -> Iterator[Path]:
    for top, folders, names in os.walk(source):
        folders[:] = [name for name in folders if name not in _LEFT_OUT]
        yield from (Path(top) / name for name in names if not name.endswith(".pyc"))


def digest(source: Path, names: list[Path]) -> str:
    """What tells these files from all others."""
    whole = hashlib.sha256()
    for name in names:
        data = (source / name).read_bytes()
        is_program = os.access(source / name, os.X_OK) and bool((source / name).stat().st_mode & 1)
        whole.update(f"{name}\0{int(is_program)}\0{len(data)}\0".encode())
        whole.update(data)
    return whole.hexdigest()


def of_clone(source: Path, names: list[Path]) -> Release:
    """The release that this clone is."""
    text = (source / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(r'^version = "([^"]+)"$', text, re.MULTILINE)
    if found is None:
        raise CannotInstall(f"{source} is no clone of Freehold: pyproject.toml names no version.")
    commit = ran(["git", "-c", "safe.directory=*", "rev-parse", "HEAD"], directory=source).stdout \
        if (source / ".git").exists() and shutil.which("git") else ""  # fmt: skip
    migrations = [
        str(name.with_suffix(""))
        for name in names
        if "migrations" in name.parts and re.match(r"\d{4}_", name.name)
    ]
    return Release(f"{found[1]}-{digest(source, names)[:12]}", found[1], commit.strip(), migrations)


def installed(places: Places) -> Release | None:
    """The release that runs; None where there is none."""
    try:
        return Release(**json.loads((places.current / _ABOUT).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise CannotInstall(f"{places.current / _ABOUT} cannot be read: {error}") from error


def why_older(source: Path, new: Release, old: Release) -> str:
    """Why `new` is older than `old`, which is installed; empty where nothing says so."""
    if _numbers(new.version) < _numbers(old.version):
        return f"version {new.version} is older than {old.version}"
    if lost := sorted(set(old.migrations) - set(new.migrations)):
        return f"the database was changed by {lost[0]}, which this clone does not know"
    if new.commit and old.commit and new.commit != old.commit:
        done = ran(
            ["git", "-c", "safe.directory=*", "merge-base", "--is-ancestor", new.commit,
             old.commit],
            directory=source,
        )  # fmt: skip
        if done.returncode == 0:
            return f"commit {new.commit[:12]} comes before {old.commit[:12]}"
    return ""


def _numbers(version: str) -> tuple[tuple[int, ...], bool, int]:
    """1.2.0.dev3 before 1.2.0 before 1.2.1."""
    parts, _, after = version.partition(".dev")
    numbers = tuple(int(word) for word in re.findall(r"\d+", parts))
    return numbers, not after, int(after or 0) if after.isdecimal() or not after else 0


def build(work: Work, source: Path) -> Release:
    """Have this clone's release ready beside the others, complete or not there."""
    names = files(source)
    release = of_clone(source, names)
    place = work.places.releases / release.name
    if place.is_dir():
        return release
    environment = _environment(work, source)
    beside = place.with_name(f".{release.name}.new")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(mode=0o755)
    for name in names:
        target = beside / name
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        target.write_bytes((source / name).read_bytes())
        target.chmod(0o755 if (source / name).stat().st_mode & 1 else 0o644)
    (beside / ".venv").symlink_to(Path("../../environments") / environment.name)
    (beside / "agent.pyz").write_bytes(agent_archive.build(beside))
    (beside / "agent.pyz").chmod(0o644)
    _ready(work, beside)
    (beside / _ABOUT).write_text(json.dumps(asdict(release), indent=1) + "\n", encoding="utf-8")
    beside.rename(place)
    work.changed(f"built {place}")
    return release


def _environment(work: Work, source: Path) -> Path:
    """The virtual environment of this clone's lock, made by the command that `make run` uses."""
    lock = source / "requirements/run.lock"
    version = work.run([PYTHON, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]).strip()
    name = f"python{version}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    place = work.places.environments / name
    if (place / _COMPLETE).exists():
        return place
    work.say("  installing what the panel runs on (hashes checked) ...")
    work.run([PYTHON, "-m", "venv", "--clear", "--without-pip", place])
    work.run([PYTHON, source / "requirements/sync", place, lock], directory=source)
    # uv's own, which it lets everybody write.
    (place / ".lock").unlink(missing_ok=True)
    (place / _COMPLETE).touch()
    work.changed(f"made {place}")
    return place


def _ready(work: Work, beside: Path) -> None:
    """Static files and byte code: root's, as the code is. It needs a key and data for a moment."""
    environment = {
        "PANEL_SECRET_KEY": "only-while-a-release-is-built-" + "0" * 20,
        "PANEL_DATA": str(beside / "data"),
        "PANEL_STATIC": str(beside / "staticfiles"),
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    }
    python = beside / ".venv/bin/python"
    work.run([python, "manage.py", "build_release"], environment=environment, directory=beside)
    shutil.rmtree(beside / "data", ignore_errors=True)


def make_current(work: Work, release: Release) -> None:
    """Let everything that starts from now on be this release."""
    link, target = work.places.current, Path("releases") / release.name
    if link.is_symlink() and link.readlink() == target:
        return
    beside = link.with_name(".current.new")
    beside.unlink(missing_ok=True)
    beside.symlink_to(target)
    beside.replace(link)
    work.changed(f"{release.name} is the release that runs")


def edited(places: Places) -> list[str]:
    """Files of the release that runs which somebody changed there by hand."""
    release = installed(places)
    if release is None:
        return []
    place = places.releases / release.name
    own = {_ABOUT, "agent.pyz"}
    names = sorted(
        name
        for path in _walked(place)
        if (name := path.relative_to(place)).parts[0] != "staticfiles" and str(name) not in own
        and not path.is_symlink()
    )  # fmt: skip
    if digest(place, names)[:12] == release.name.rpartition("-")[2]:
        return []
    newest = (place / _ABOUT).stat().st_mtime
    return [str(name) for name in names if (place / name).stat().st_mtime > newest]


def prune(work: Work) -> None:
    """Remove releases but for the newest few, and environments that none of these uses."""
    places = work.places
    ready = [path for path in places.releases.iterdir() if (path / _ABOUT).exists()]
    ready.sort(key=lambda path: (path / _ABOUT).stat().st_mtime, reverse=True)
    current = places.current.resolve()
    kept = {current, *ready[:_KEPT]}
    for path in places.releases.iterdir():
        if path not in kept:
            shutil.rmtree(path)
            work.changed(f"removed {path}")
    used = {(path / ".venv").resolve() for path in kept}
    for path in places.environments.iterdir():
        if path.resolve() not in used:
            shutil.rmtree(path)
            work.changed(f"removed {path}")
