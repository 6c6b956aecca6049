"""The command `freehold`: manage.py of the installed release, as the panel's user.

freehold doctor                      what is wrong, and how to mend it
freehold operate ... --as USER       any operation
freehold run                         where there is no systemd: everything, in the foreground
freehold help                        all commands
"""

import os
import sys

from panel.install import foreground, manage
from panel.install.places import PANEL_USER, Places
from panel.install.work import CannotInstall, complain, gid, uid

_KEPT = ("TERM", "COLUMNS", "LINES", "TZ")


def main(words: list[str]) -> int:
    """Become manage.py, or keep everything running."""
    places = Places()
    try:
        if words[:1] == ["run"]:
            return foreground.run(places)
        _manage(places, words)
    except CannotInstall as error:
        complain(f"freehold: {error}")
    return 2


def _manage(places: Places, words: list[str]) -> None:
    """Become manage.py; CannotInstall for whoever is neither root nor the panel's user."""
    _become(uid(PANEL_USER))
    os.chdir(places.current)
    os.umask(0o077)
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    python = str(places.current / ".venv/bin/python")
    environment = kept | manage.environment(places)
    os.execve(python, [python, "manage.py", *words], environment)  # noqa: S606


def _become(user: int) -> None:
    """Root's rights go before any code of the panel runs."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(*[gid(PANEL_USER)] * 3)
        os.setresuid(user, user, user)
    elif os.geteuid() != user:
        raise CannotInstall("this needs root (sudo freehold ...)")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
