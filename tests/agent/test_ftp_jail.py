"""Where all tenants are one uid, the FTP server itself keeps a session in its home."""

import inspect
import os
import stat
from contextlib import suppress
from pathlib import Path

import asyncssh
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyftpdlib.filesystems import AbstractedFS

from hosting.services.ftp import serving_ftp, serving_sftp
from hosting.services.ftp.serving_jail import Jail, steps

SECRET = b"the neighbour's"
# Names that are there, names that lead out, and words that paths are made of.
NAMES = ["a", "b", "file", "out", "up", "there", "loop", "neighbour", "..", ".", "", "new", "s2"]
PATHS = st.builds(
    lambda begin, names: begin + "/".join(names),
    st.sampled_from(["", "/", "//", "../", "/../../"]),
    st.lists(st.one_of(st.sampled_from(NAMES), st.text(max_size=3)), max_size=6),
)


def opened(path: Path) -> int:
    return os.open(path, os.O_PATH | os.O_DIRECTORY)


def tree(top: Path) -> Path:
    """A home with links of each kind, beside a neighbour's."""
    home, neighbour = top / "s1", top / "s2"
    (home / "a" / "b").mkdir(parents=True)
    neighbour.mkdir()
    (neighbour / "file").write_bytes(SECRET)
    (home / "a" / "file").write_bytes(b"own")
    for name, target in {
        "out": "/",
        "up": "..",
        "there": "../s2",
        "a/neighbour": str(neighbour),
        "a/loop": "loop",
        "a/b/file": str(neighbour / "file"),
        "neighbour": "a/neighbour",
    }.items():
        (home / name).symlink_to(target)
    os.mkfifo(home / "pipe")
    return home


def outside(top: Path) -> list[tuple]:
    """All that is not in the home, with what changes where somebody writes."""
    found = []
    for path in sorted([top, top / "s2", *(top / "s2").rglob("*")]):
        about = path.lstat()
        data = path.read_bytes() if path.is_file() else b""
        found.append((str(path), about.st_mode, about.st_mtime_ns, about.st_ino, data))
    return found


def everything(jail: Jail, path: str, other: str) -> list[object]:
    """Each thing that can be done with a path; what came out of it."""

    def read() -> bytes:
        file = jail.open(path, os.O_RDONLY)
        try:
            return os.read(file, 100)
        finally:
            os.close(file)

    def write(flags: int) -> None:
        file = jail.open(path, flags, 0o7777)
        try:
            os.write(file, b"x")
        finally:
            os.close(file)

    found: list[object] = []
    for what in (
        read,
        lambda: jail.names(path),
        lambda: jail.stat(path).st_ino,
        lambda: write(os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
        lambda: write(os.O_WRONLY | os.O_CREAT | os.O_EXCL),
        lambda: write(os.O_RDWR),
        lambda: jail.make(path, 0o7777),
        lambda: jail.permit(path, 0o7777),
        lambda: jail.date(path, (1, 1)),
        lambda: jail.rename(path, other),
        lambda: jail.remove(path),
        lambda: jail.remove_directory(path),
    ):
        with suppress(OSError, ValueError):
            found.append(what())
    return found


@settings(derandomize=True, database=None, deadline=None, max_examples=80)
@given(st.lists(st.tuples(PATHS, PATHS), min_size=1, max_size=4))
def test_no_path_reads_or_changes_anything_outside(tmp_path_factory, pairs):
    top = tmp_path_factory.mktemp("homes")
    home = tree(top)
    before = outside(top)
    neighbours = {(top / "s2").stat().st_ino, (top / "s2" / "file").stat().st_ino}
    jail = Jail(opened(home))
    for path, other in pairs:
        found = everything(jail, path, other)
        assert SECRET not in found
        assert not neighbours & {each for each in found if isinstance(each, int)}
    jail.close()
    assert outside(top) == before
    for path in home.rglob("*"):
        assert path.is_symlink() or not path.stat().st_mode & 0o7000


def test_what_leads_out_is_shown_as_a_link_and_refused(tmp_path):
    jail = Jail(opened(tree(tmp_path)))
    assert (
        jail.names("/")
        == jail.names("/../..")
        == sorted(path.name for path in (tmp_path / "s1").iterdir())
    )
    assert stat.S_ISLNK(jail.stat("out").st_mode)
    for path in ("out", "out/etc/passwd", "up/s2/file", "there/file", "a/b/file", "neighbour/file"):
        with pytest.raises(OSError):
            jail.open(path, os.O_RDONLY)
    # Nothing waits for the other end of a pipe.
    for flags in (os.O_RDONLY, os.O_WRONLY):
        with pytest.raises(OSError):
            jail.open("pipe", flags)
    jail.remove("out")
    assert "out" not in jail.names("")
    assert Path("/etc").is_dir()


def test_a_directory_that_becomes_a_link_meanwhile_leads_nowhere(tmp_path):
    home = tree(tmp_path)
    jail = Jail(opened(home))
    file = jail.open("a/file", os.O_RDONLY)
    os.close(file)
    (home / "a").rename(home / "aside")
    (home / "a").symlink_to(tmp_path / "s2")
    with pytest.raises(OSError):
        jail.open("a/file", os.O_RDONLY)


def test_who_may_only_read_changes_nothing(tmp_path):
    home = tree(tmp_path)
    jail = Jail(opened(home), is_read_only=True)
    before = sorted(str(path) for path in home.rglob("*")), (home / "a" / "file").stat()
    for path in ("a/file", "a/b", "new", "out"):
        everything(jail, path, "other")
    assert (sorted(str(path) for path in home.rglob("*")), (home / "a" / "file").stat()) == before
    os.close(jail.open("a/file", os.O_RDONLY))


@settings(derandomize=True, database=None, deadline=None)
@given(PATHS)
def test_steps_never_lead_above_the_top(path):
    assert not {"", ".", ".."} & set(steps(path))


def test_a_closed_jail_reaches_nothing(tmp_path):
    jail = Jail(opened(tree(tmp_path)))
    jail.close()
    jail.close()
    with pytest.raises(OSError):
        jail.names("/")


def methods(kind: type) -> set[str]:
    return {name for name, each in vars(kind).items() if inspect.isfunction(each)}


def test_every_method_of_pyftpdlib_that_reaches_files_is_ours():
    """Those that are not touch words and what other methods gave; a new version may have more."""
    words = {"_isabs", "ftpnorm", "ftp2fs", "fs2ftp", "format_list", "format_mlsx"}
    found = {name for name in methods(AbstractedFS) if not name.startswith("__")}
    assert found - words - {"readlink"} <= methods(serving_ftp.Files)
    assert serving_ftp.Files.readlink is None


def test_every_method_of_asyncssh_that_reaches_files_is_ours():
    words = {"convert_attrs", "_to_sftpname", "format_longname", "lock", "unlock", "exit"}
    found = {name for name in methods(asyncssh.SFTPServer) if not name.startswith("__")}
    assert found - words <= methods(serving_sftp.Files)
