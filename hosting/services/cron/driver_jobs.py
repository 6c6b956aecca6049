"""What a keeper is told of a run: one JSON object in a file."""

import json
from pathlib import Path

from hosting.agent import trees
from hosting.agent.platform import Platform
from hosting.services.cron import driver_desired
from hosting.services.cron.driver_desired import Task

_PROCESSES, _FILE_SIZE = 128, 4 * 2**30


def interpreters(platform: Platform) -> dict[str, Path]:
    """Return the programs that scripts in PHP can be run by, by version."""
    found = platform.programs.items()
    versions = {name.removeprefix("php"): path for name, path in found}
    return {name: path for name, path in versions.items() if name[:1].isdecimal()}


def interpreter(platform: Platform, version: str) -> Path | None:
    """Return the one of a version; None where that is not here."""
    there = interpreters(platform)
    if version == driver_desired.NEWEST:
        return there[max(there)] if there else None
    return there.get(version)


def job(platform: Platform, user: str, subscription: int, task: Task) -> bytes:
    """Return what the keeper reads of a run: whose it is, what it does, within which limits."""
    home = str(platform.homes / trees.home_name(subscription))
    command = ["/bin/sh", "-c", task.what]
    if task.kind == "php":
        command = [str(interpreter(platform, task.php)), "-f", task.what]
    about = {
        "kind": task.kind,
        "what": task.what,
        "command": command,
        "home": home,
        "uid": platform.uid_of(subscription),
        "seconds": task.seconds,
        "memory": task.memory * 2**20,
        "processes": _PROCESSES,
        "file_size": _FILE_SIZE,
        "environment": {"HOME": home, "USER": user, "LOGNAME": user, "TZ": task.zone},
    }
    return json.dumps(about).encode()
