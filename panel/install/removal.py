"""Removes what was installed. Tenants' data and the configuration go only with PURGE=1."""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from panel.install import nss, packages, running
from panel.install.places import UNITS
from panel.install.work import CannotInstall, Work, has_systemd

# The first uid that the agent gives to a subscription; see hosting/agent/platform.py.
_FIRST_UID = 10_000_000
_WORD = "remove"


def remove(work: Work, environ: Mapping[str, str]) -> None:
    """Units, code and users; with PURGE=1 the data too, after asking."""
    is_purge = environ.get("PURGE", "") in {"1", "yes", "true"}
    places = work.places
    data = [places.state, places.homes, places.logs, places.configuration]
    if is_purge:
        _ask(data, is_sure=environ.get("YES", "") in {"1", "yes", "true"})
    running.stop(work)
    for unit in UNITS:
        _unlink(work, places.units / unit)
    if has_systemd():
        work.run(["systemctl", "daemon-reload"])
    _unlink(work, places.command)
    for folder in (places.code, places.agent_run, places.panel_run, places.front_run):
        _remove_tree(work, folder)
    packages.remove_users(work)
    if is_purge:
        for folder in data:
            _remove_tree(work, folder)
        _forget_users(work)
        nss.exclude(work)
        # Written by the agent; see hosting/services/system/driver_sshd.py.
        _unlink(work, places.root / "etc/ssh/sshd_config.d/freehold.conf")
        work.say("\n  Freehold and everything that it kept are removed.\n")
        return
    kept = [str(path) for path in data if path.exists()]
    work.say(
        "\n  Freehold is removed. Left as they are, with the users of subscriptions in"
        f" {places.users}:\n" + "".join(f"    {path}\n" for path in kept) + "  `make install` takes"
        " them up again; `make uninstall PURGE=1` removes them.\n"
    )


def _ask(data: list[Path], *, is_sure: bool) -> None:
    if is_sure:
        return
    if not sys.stdin.isatty():
        raise CannotInstall(
            "PURGE=1 removes everybody's data. Without a terminal, say YES=1 besides."
        )
    print("This removes every website, mailbox, database and setting, for good:")
    print("".join(f"  {path}\n" for path in data if path.exists()), end="")
    if input(f'Type "{_WORD}" to go on: ').strip() != _WORD:
        raise CannotInstall("Nothing was removed.")


def _unlink(work: Work, path: Path) -> None:
    if path.is_symlink() or path.exists():
        path.unlink()
        work.changed(f"removed {path}")


def _remove_tree(work: Work, path: Path) -> None:
    """Without following links, and without racing whoever owns what is below (shutil does both)."""
    if path.is_symlink() or not path.exists():
        return
    if not shutil.rmtree.avoids_symlink_attacks:
        raise CannotInstall(f"{path} cannot be removed safely on this system.")
    shutil.rmtree(path)
    work.changed(f"removed {path}")


def _forget_users(work: Work) -> None:
    """Take subscriptions' users out of what libnss-extrausers reads; others' lines stay."""
    users, ours = work.places.users, set()
    for name in ("passwd", "group"):
        lines = _lines(users / name)
        ours |= {line.split(":")[0] for line in lines if _is_ours(line)}
        _rewrite(work, users / name, [line for line in lines if not _is_ours(line)], 0o644)
    lines = _lines(users / "shadow")
    _rewrite(work, users / "shadow", [x for x in lines if x.split(":")[0] not in ours], 0o640)


def _is_ours(line: str) -> bool:
    words = line.split(":")
    return len(words) > 2 and words[2].isdecimal() and int(words[2]) >= _FIRST_UID


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def _rewrite(work: Work, path: Path, lines: list[str], mode: int) -> None:
    if path.exists():
        text = "".join(f"{line}\n" for line in lines)
        group = "shadow" if path.name == "shadow" else "root"
        work.file(path, text, mode, group=group)
