"""The agent as one file: a zipapp of hosting/agent and the drivers, without Django, run by
`/usr/bin/python3 -I -S`. Built byte for byte the same from the same code.
"""

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

_DRIVER = re.compile(r"driver(_\w+)?\.py")
_MAIN = """\
import sys
from hosting.agent.__main__ import main
sys.exit(main())
"""
# Zip files know no time before this; the true one would make each build another.
_THEN = (1980, 1, 1, 0, 0, 0)


def members(source: Path) -> Iterator[Path]:
    """The files that root runs, relative to the clone: the agent's and the services' drivers."""
    for path in sorted((source / "hosting/agent").rglob("*.py")):
        yield path.relative_to(source)
    for path in sorted((source / "hosting/services").glob("*/driver*.py")):
        if _DRIVER.fullmatch(path.name):
            yield path.relative_to(source)


def build(source: Path) -> bytes:
    """The archive. Packages get empty `__init__` files: those of the panel may not come along."""
    files = {str(path): (source / path).read_bytes() for path in members(source)}
    folders = {str(Path(name).parent) for name in files}
    for folder in folders | {"hosting", "hosting/services"}:
        files[f"{folder}/__init__.py"] = b""
    files["__main__.py"] = _MAIN.encode()
    buffer = io.BytesIO(b"#!/usr/bin/env -S /usr/bin/python3 -I -S\n")
    buffer.seek(0, io.SEEK_END)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            about = zipfile.ZipInfo(name, _THEN)
            about.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(about, files[name])
    return buffer.getvalue()
