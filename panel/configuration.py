"""Reads what is needed to start: a TOML file, then PANEL_* variables. Unknown names are refused."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit


class ConfigurationError(Exception):
    """Something in the file or the environment is missing, unknown or not understood."""


# name -> (kind, default). The kinds are parsed by `_parse`.
KNOWN: dict[str, tuple[str, Any]] = {
    "DATA": ("path", "var"),
    "DEBUG": ("bool", False),
    "SECRET_KEY": ("secret", None),
    "DATABASE_URL": ("text", ""),
    "HOSTS": ("list", "localhost,127.0.0.1,[::1]"),
    "ORIGIN": ("text", ""),
    "PORT": ("port", 8400),
    "SITES_PORT": ("port", 8480),
    # None: the one after SITES_PORT.
    "SITES_TLS_PORT": ("port", None),
    # None: 53 above PANEL_PORT, so that a second panel's name server has a port of its own.
    "DNS_PORT": ("port", None),
    # None: 21 and 22 above it, likewise.
    "FTP_PORT": ("port", None),
    "SFTP_PORT": ("port", None),
    # None: as far above it as the last two digits of the usual ports say (25, 587, 465, 993).
    "SMTP_PORT": ("port", None),
    "SUBMISSION_PORT": ("port", None),
    "SUBMISSIONS_PORT": ("port", None),
    "IMAPS_PORT": ("port", None),
    "PROXIES": ("int", 0),
    "TLS": ("bool", False),
    "TIME_ZONE": ("text", "UTC"),
    "EMAIL": ("text", "file"),
    "MAIL_FROM": ("text", "Freehold <panel@localhost>"),
    "FAST_HASHER": ("bool", False),
    # Said by an installation (panel/install); `make run` needs none of them.
    "PLATFORM": ("platform", "embedded"),
    "AGENT_SOCKET": ("text", ""),
    "STATIC": ("text", ""),
    "HSTS": ("int", 0),
}
# Read by the supervisor and by the Makefile; no setting of Django's.
_OURS_ELSEWHERE = {"CONFIG"}
# These stand without the prefix too: `make run SITES_PORT=8080` reads like PANEL_PORT.
_ABOVE = {"DNS_PORT": 53, "FTP_PORT": 21, "SFTP_PORT": 22}
_ABOVE |= {"SMTP_PORT": 25, "SUBMISSION_PORT": 87, "SUBMISSIONS_PORT": 65, "IMAPS_PORT": 93}
_WITHOUT_PREFIX = ("SITES_PORT", "SITES_TLS_PORT", *_ABOVE)
_HIGHEST_PORT = 65535


def load(environ: Mapping[str, str]) -> dict[str, Any]:
    """All values by name, parsed.

    The environment wins over the file named by PANEL_CONFIG. A secret may be given as a file by
    adding `_FILE` to its name, so that it stands in no process list.
    Raises ConfigurationError, naming the variable, for anything unknown or malformed.
    """
    given: dict[str, Any] = {}
    if path := environ.get("PANEL_CONFIG"):
        given.update(_from_file(Path(path)))
    given.update(_from_environment(environ))
    found = {
        name: _parse(name, kind, given.get(name, default))
        for name, (kind, default) in KNOWN.items()
    }
    if found["SITES_TLS_PORT"] is None:
        found["SITES_TLS_PORT"] = found["SITES_PORT"] % _HIGHEST_PORT + 1
    for name, distance in _ABOVE.items():
        if found[name] is None:
            above = found["PORT"] + distance
            found[name] = above if above <= _HIGHEST_PORT else found["PORT"] - distance
    return found


def _from_file(path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"PANEL_CONFIG {path}: {error}") from error
    result = {}
    for name, value in sorted((name.upper(), value) for name, value in values.items()):
        base = _secret_in_a_file(name)
        if base:
            result[base] = _secret(f"{path}: {name.lower()}", str(value))
        elif name in KNOWN:
            result[name] = value
        else:
            raise ConfigurationError(f"{path}: unknown setting {name.lower()!r}")
    return result


def _secret_in_a_file(name: str) -> str | None:
    """SECRET_KEY for SECRET_KEY_FILE; None for what is no secret."""
    base = name.removesuffix("_FILE")
    return base if base != name and KNOWN.get(base, ("",))[0] == "secret" else None


def _secret(asked_by: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigurationError(f"{asked_by}: {error}") from error


def _from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    result = {name: environ[name] for name in _WITHOUT_PREFIX if name in environ}
    for variable, value in environ.items():
        if not variable.startswith("PANEL_"):
            continue
        name = variable.removeprefix("PANEL_")
        if name in _OURS_ELSEWHERE:
            continue
        base = _secret_in_a_file(name)
        if base:
            result[base] = _secret(variable, value)
        elif name in KNOWN:
            result[name] = value
        else:
            raise ConfigurationError(f"unknown variable {variable}")
    return result


def _parse(name: str, kind: str, value: Any) -> Any:
    if kind == "port" and value is None:
        return None
    if kind in {"int", "port"}:
        try:
            number = int(value)
        except (TypeError, ValueError) as error:
            raise ConfigurationError(f"PANEL_{name}: {value!r} is not a number") from error
        if kind == "port" and not 1 <= number <= _HIGHEST_PORT:
            raise ConfigurationError(f"PANEL_{name}: {number} is not a port")
        return number
    if kind == "bool":
        if isinstance(value, bool):
            return value
        words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
        try:
            return words[str(value).lower()]
        except KeyError as error:
            raise ConfigurationError(f"PANEL_{name}: {value!r} is neither 1 nor 0") from error
    if kind == "list":
        items = value if isinstance(value, list) else str(value).split(",")
        return [item.strip() for item in items if item.strip()]
    if kind == "platform" and value not in {"embedded", "debian"}:
        raise ConfigurationError(f"PANEL_{name}: {value!r} is neither embedded nor debian")
    if kind == "path":
        return Path(value).resolve()
    return value


def secret_key(value: str | None, *, debug: bool) -> str:
    """The key that signs sessions. Made at installation, never shipped, and long enough."""
    if value:
        if len(value) < 40:
            raise ConfigurationError("PANEL_SECRET_KEY: at least 40 characters are needed")
        return value
    if debug:
        return "for-debugging-on-one-machine-only-" + "0" * 20
    raise ConfigurationError("PANEL_SECRET_KEY or PANEL_SECRET_KEY_FILE is missing")


def database(url: str, data: Path) -> dict[str, Any]:
    """Django's DATABASES entry for postgresql://user@host:port/name, or SQLite in `data`."""
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": data / "panel.sqlite3",
            "OPTIONS": {
                # IMMEDIATE: a transaction that begins by reading and then writes would otherwise
                # fail at once with "database is locked" instead of waiting its turn.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                # The log of changes goes into the file after 60 MB, not 4: a run over thousands of
                # rows changes the same pages of indexes with each of its transactions.
                "init_command": (
                    "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
                    " PRAGMA wal_autocheckpoint=15000;"
                    " PRAGMA cache_size=-32000; PRAGMA temp_store=MEMORY;"
                    " PRAGMA mmap_size=268435456"
                ),
            },
        }
    parts = urlsplit(url)
    if parts.scheme not in {"postgresql", "postgres"} or not parts.path.strip("/"):
        raise ConfigurationError("PANEL_DATABASE_URL: postgresql://user@host/name is expected")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
    }
