"""Directories and configuration. What an operator may edit is written once and then theirs."""

import json
import os
import re
import secrets
import shutil
import socket
import tomllib
from pathlib import Path
from typing import Any

from panel.install.options import Options, own_address
from panel.install.places import FRONT_USER, PANEL_USER, Places
from panel.install.work import CannotInstall, Work, has_systemd, uid

_COMMAND = """\
#!/usr/bin/python3 -IS
import sys

sys.path.insert(0, "{code}")
from panel.install import command

sys.exit(command.main(sys.argv[1:]))
"""


def toml(value: str | int | bool | list[str]) -> str:
    """A value as TOML writes it. Control characters have no business in any of ours."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if re.search(r"[\x00-\x1f\x7f]", value):
        raise CannotInstall(f"A control character in {value!r}.")
    # A JSON string of printable text is a TOML string; surrogates alone are in neither.
    return json.dumps(value, ensure_ascii=False)


def directories(work: Work) -> None:
    """Make them, and see to their owners and modes."""
    places = work.places
    # Code and configuration are root's. Who runs the panel may read them, and nothing more.
    for path in (places.code, places.releases, places.environments, places.configuration,
                 places.front_local, places.state, places.command.parent):  # fmt: skip
        work.directory(path, 0o755)
    work.directory(places.tls, 0o750, group=FRONT_USER)
    _given_back(work, places.data)
    for path in (places.data, places.copies):
        work.directory(path, 0o700, PANEL_USER, PANEL_USER)
    for path in (places.node, places.homes):
        if not path.is_dir():
            work.directory(path, 0o711)
    if not places.users.is_dir():
        work.directory(places.users, 0o755)


def _given_back(work: Work, data: Path) -> None:
    """After removal and another installation the panel's user may have another number."""
    owner = uid(PANEL_USER)
    if not data.is_dir() or data.lstat().st_uid == owner:
        return
    for _, folders, names, top in os.fwalk(data, follow_symlinks=False):
        for name in (*folders, *names):
            os.chown(name, owner, owner, dir_fd=top, follow_symlinks=False)
    work.changed(f"gave what is in {data} to {PANEL_USER}")


def configuration(work: Work, options: Options) -> None:
    """Write what is missing. An existing file stays as it is, whatever it says."""
    places = work.places
    if not places.secret_key.exists():
        work.file(places.secret_key, secrets.token_urlsafe(48) + "\n", 0o640, group=PANEL_USER)
    if not places.settings.exists():
        work.file(places.settings, _settings(places, options), 0o640, group=PANEL_USER)
    for path in (places.secret_key, places.settings):
        work.file(path, path.read_bytes(), 0o640, group=PANEL_USER)
    if not places.agent_options.exists():
        words = " ".join(options.agent_words())
        text = (
            "# What the agent is told beyond what is usual, see docs/install.md.\n"
            f'AGENT_OPTIONS="{words}"\n'
        )
        work.file(places.agent_options, text, 0o644)


def _settings(places: Places, options: Options) -> str:
    hosts = list(dict.fromkeys([options.host, own_address(), "localhost", "127.0.0.1"]))
    values: dict[str, Any] = {
        "platform": "debian",
        "hosts": hosts,
        "origin": f"https://{options.host}:{options.tls_port}",
        "data": str(places.data),
        "static": str(places.current / "staticfiles"),
        "secret_key_file": str(places.secret_key),
        "agent_socket": str(places.agent_run / "agent.sock"),
        "sites_port": options.sites_port or 80,
        "sites_tls_port": options.sites_tls_port or 443,
        "dns_port": options.dns_port or 53,
        "tls": True,
        "proxies": 1,
        "database_url": options.database_url,
        "time_zone": options.time_zone,
        "email": "smtp" if sends_mail() else "file",
        "mail_from": f"Freehold <panel@{options.host}>",
    }
    lines = [f"{name} = {toml(value)}" for name, value in values.items()]
    return "\n".join(
        [
            "# What Freehold needs to start. Yours: no upgrade changes it. docs/install.md has",
            "# the words; afterwards: systemctl restart freehold-panel freehold-worker",
            *lines,
            "",
        ]
    )


def settings(places: Places) -> dict[str, Any]:
    """What the configuration says."""
    try:
        return tomllib.loads(places.settings.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise CannotInstall(f"{places.settings}: {error}") from error


def certificate(work: Work, host: str) -> None:
    """A self-signed certificate, unless there is one: browsers warn until a real one lies there."""
    crt, key = work.places.tls / "panel.crt", work.places.tls / "panel.key"
    if not (crt.exists() and key.exists()):
        kind = "IP" if re.fullmatch(r"[0-9.]+", host) else "DNS"
        beside = work.places.tls / "new.key"
        made = work.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
             "-nodes", "-days", "825", "-subj", f"/CN={host[:64]}", "-addext",
             f"subjectAltName={kind}:{host}", "-keyout", beside, "-out", "-"]
        )  # fmt: skip
        work.file(key, beside.read_bytes(), 0o640, group=FRONT_USER)
        beside.unlink()
        work.file(crt, made, 0o644)
    work.file(key, key.read_bytes(), 0o640, group=FRONT_USER)


def front(work: Work, port: int) -> bool:
    """The nginx that speaks TLS before the panel; refused unless nginx itself accepts it."""
    places = work.places
    source = Path(__file__).with_name("front.conf").read_text(encoding="utf-8")
    text = source
    for word, value in {
        "@PORT@": str(port),
        "@TLS@": str(places.tls),
        "@RUN@": str(places.front_run),
        "@SOCKET@": str(places.panel_socket),
        "@LOCAL@": str(places.front_local),
    }.items():
        text = text.replace(word, value)
    before = places.front.read_bytes() if places.front.exists() else None
    if not work.file(places.front, text, 0o644):
        return False
    try:
        check_front(work)
    except CannotInstall:
        if before is not None:
            work.file(places.front, before, 0o644)
        raise
    return True


def check_front(work: Work) -> None:
    """Ask nginx, as the user that will run it."""
    run = work.places.front_run
    was_there = run.is_dir()
    if not was_there:
        run.mkdir(mode=0o700)
        shutil.chown(run, FRONT_USER, FRONT_USER)
    try:
        work.run(["nginx", "-e", "stderr", "-t", "-q", "-c", work.places.front], user=FRONT_USER)
    finally:
        if not was_there:
            shutil.rmtree(run)


def front_port(places: Places) -> int:
    """The port of the panel's address, as configured."""
    found = re.fullmatch(r"https://.+:(\d+)", str(settings(places).get("origin", "")))
    return int(found[1]) if found else 8443


def command(work: Work) -> None:
    """The command `freehold`."""
    work.file(work.places.command, _COMMAND.format(code=work.places.current), 0o755)


def units(work: Work) -> list[str]:
    """Write systemd's units, where they are read or will be one day; the names that changed."""
    changed = []
    work.directory(work.places.units, 0o755)
    for path in sorted(Path(__file__).with_name("units").iterdir()):
        if work.file(work.places.units / path.name, path.read_bytes(), 0o644):
            changed.append(path.name)
    if changed and has_systemd():
        work.run(["systemctl", "daemon-reload"])
    return changed


def sends_mail(port: int = 25) -> bool:
    """Whether something on this machine takes mail. That a program could is not enough: without
    systemd nothing starts it, and a panel that was told so would lose every message."""
    try:
        socket.create_connection(("localhost", port), timeout=5).close()
    except OSError:
        return False
    return True
