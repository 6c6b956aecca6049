"""The first administrator: asked for at the terminal, given by variables, or with a password that
is made and printed once. Never left to whoever opens the panel first.
"""

import secrets
import sys
from getpass import getpass
from pathlib import Path

from panel.install import manage
from panel.install.options import Options
from panel.install.work import CannotInstall, Work

_USERNAME = "admin"


def create(work: Work, release: Path, options: Options) -> str:
    """Create one. A password that was made here is returned, to be shown."""
    given = _password_file(options.admin_password_file)
    is_asked = sys.stdin.isatty() and not (given or options.admin_username or options.admin_email)
    username = options.admin_username or (_ask("Username of the administrator", _USERNAME))
    email = options.admin_email or _ask("Its email address", f"root@{_mail_host(options.host)}")
    password, made = given, ""
    if not password and is_asked:
        password = _typed()
    if not password:
        password = made = secrets.token_urlsafe(18)
    manage.call(
        work, release, "create_administrator", "--username", username, "--email", email,
        "--password-file", "-", given=password + "\n",
    )  # fmt: skip
    work.changed(f"made the administrator {username}")
    return f"{username}  {made}" if made else ""


def _ask(what: str, otherwise: str) -> str:
    if not sys.stdin.isatty():
        return otherwise
    return input(f"{what} [{otherwise}]: ").strip() or otherwise


def _typed() -> str:
    return getpass("Its password (12 characters or more; empty: one is made): ")


def _password_file(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        password = path.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise CannotInstall(f"ADMIN_PASSWORD_FILE: {error}") from error
    if not password:
        raise CannotInstall(f"ADMIN_PASSWORD_FILE: the first line of {path} is empty.")
    return password


def _mail_host(host: str) -> str:
    return "localhost.localdomain" if host.replace(".", "").isdecimal() else host
