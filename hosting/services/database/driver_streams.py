"""A program's output into a file, and a file into a program, however large: nothing is kept whole.

Files are compressed (gzip, RFC 1952) when they are written, and may be when they are read.
"""

import os
import re
import select
import subprocess
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import IO

from hosting.agent.host import Host
from hosting.agent.protocol import AgentError

_BLOCK = 1 << 18
_GZIP = 16 + zlib.MAX_WBITS
_LEVEL = 6
# How often it is told how far it is, in seconds.
_EVERY = 1.0
# A line that is longer holds data.
_LONGEST_LINE = 1 << 16
Told = Callable[[int], bool]
# What is left of whole lines.
Lines = Callable[[bytes], bytes]

# Who made it. Of mariadb-dump and mysqldump, which break no line inside of data.
_DEFINER = re.compile(
    rb"^(/\*!5\d{4,5} (?:CREATE\*/ /\*!5\d{4,5} )?|CREATE (?:OR REPLACE )?)"
    rb"DEFINER=`(?:[^`\n]|``)*`@`(?:[^`\n]|``)*` ?",
    re.MULTILINE,
)
# What pg_dump puts around its script against what follows (PostgreSQL 15.14 and later).
_RESTRICT = re.compile(rb"^\\(?:un)?restrict [A-Za-z0-9]+\r?\n", re.MULTILINE)


def without_definers(block: bytes) -> bytes:
    """Return whole lines without whose a view, a routine or a trigger is."""
    return _DEFINER.sub(rb"\1", block) if b"DEFINER=" in block else block


def without_restrictions(block: bytes) -> bytes:
    """Return whole lines without the marks of pg_dump; the one who reads sets its own."""
    return _RESTRICT.sub(b"", block) if b"restrict " in block else block


def in_lines(blocks: Iterable[bytes], change: Lines) -> Iterator[bytes]:
    """Return what is left of blocks when their lines, in whole, went through `change`.

    The rest of a line that is longer than any that matters goes through as it is.
    """
    kept, is_inside = b"", False
    for block in blocks:
        data = kept + block
        if is_inside:
            end = data.find(b"\n") + 1
            if not end:
                yield data
                kept = b""
                continue
            yield data[:end]
            data, is_inside = data[end:], False
        end = data.rfind(b"\n") + 1
        if end:
            yield change(data[:end])
        kept = data[end:]
        if len(kept) > _LONGEST_LINE:
            yield change(kept)
            kept, is_inside = b"", True
    if kept:
        yield kept if is_inside else change(kept)


class Clock:
    """Tells now and then how far it is; AgentError once nobody wants to hear it any more."""

    def __init__(self, told: Told):
        self._told = told
        self._next = time.monotonic() + _EVERY

    def at(self, progress: int) -> None:
        """Be so many bytes far."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _EVERY
            if not self._told(progress):
                raise AgentError("refused", "nobody waits for it any more")


@contextmanager
def begun(
    host: Host, command: Sequence[str], environment: Mapping[str, str], *, reads: bool
) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """Start a program that reads or writes through a pipe, and what it complains into; end it."""
    host.changing("run", command)
    with tempfile.TemporaryFile() as words:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE if reads else subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if reads else subprocess.PIPE,
            stderr=words,
            env=dict(environment),
            cwd="/",
        )
        try:
            yield process, words
        finally:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    # What was not taken by one that is gone is nobody's any more.
                    with suppress(OSError):
                        pipe.close()


def into_file(
    host: Host, command: Sequence[str], environment: Mapping[str, str], change: Lines,
    file: int, told: Told,
) -> int:  # fmt: skip
    """Write what a program says, compressed, into an open file; the bytes of the file.

    AgentError with the program's words if it fails.
    """
    clock, size = Clock(told), 0
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    with begun(host, command, environment, reads=False) as (process, words):
        assert process.stdout is not None
        blocks = _said(process.stdout.fileno(), lambda: clock.at(size))
        for block in in_lines(blocks, change):
            size += _written(file, packer.compress(block))
        size += _written(file, packer.flush())
        _end(process, words, lambda: clock.at(size))
    os.fsync(file)
    return size


def from_file(
    host: Host, command: Sequence[str], environment: Mapping[str, str], change: Lines,
    file: int, told: Told, before: bytes = b"",
) -> None:  # fmt: skip
    """Give a program what an open file holds, behind `before`; AgentError with its words.

    A file that is cut off is found before the program has its end: one that works in a transaction
    takes all of it back.
    """
    clock, place = Clock(told), [0]
    with begun(host, command, environment, reads=True) as (process, words):
        assert process.stdin is not None
        tick = lambda: clock.at(place[0])  # noqa: E731
        with suppress(BrokenPipeError):
            _given(process.stdin.fileno(), before, tick)
            for block in in_lines(_read(file, place), change):
                _given(process.stdin.fileno(), block, tick)
                tick()
            process.stdin.close()
        _end(process, words, tick)


def _said(pipe: int, tick: Callable[[], None]) -> Iterator[bytes]:
    poller = select.poll()
    poller.register(pipe, select.POLLIN)
    while True:
        if poller.poll(_EVERY * 1000):
            block = os.read(pipe, _BLOCK)
            if not block:
                return
            yield block
        tick()


def _given(pipe: int, block: bytes, tick: Callable[[], None]) -> None:
    os.set_blocking(pipe, False)
    poller = select.poll()
    poller.register(pipe, select.POLLOUT)
    left = memoryview(block)
    while left:
        if poller.poll(_EVERY * 1000):
            with suppress(BlockingIOError):
                left = left[os.write(pipe, left) :]
        else:
            tick()


def _read(file: int, place: list[int]) -> Iterator[bytes]:
    """Return what a file holds, unpacked if it is packed; where one is stands in `place`."""
    first = os.pread(file, 2, 0)
    unpack = zlib.decompressobj(_GZIP) if first == b"\x1f\x8b" else None
    while block := os.pread(file, _BLOCK, place[0]):
        place[0] += len(block)
        if unpack is None:
            yield block
            continue
        while block:
            try:
                data = unpack.decompress(block, _BLOCK)
            except zlib.error as error:
                raise AgentError("check", f"the file is damaged: {error}") from None
            if data:
                yield data
            block = unpack.unconsumed_tail
            if unpack.eof:
                # Several that were put one behind the other are one.
                block = unpack.unused_data
                if block.strip(b"\0"):
                    unpack = zlib.decompressobj(_GZIP)
                else:
                    block = b""
    if unpack is not None and not unpack.eof:
        raise AgentError("check", "the file is cut off")


def _written(file: int, data: bytes) -> int:
    left = memoryview(data)
    while left:
        try:
            left = left[os.write(file, left) :]
        except OSError as error:
            raise AgentError("io", f"the file cannot be written: {error.strerror}") from None
    return len(data)


def _end(process: subprocess.Popen[bytes], words: IO[bytes], tick: Callable[[], None]) -> None:
    """Wait for its end; AgentError with its last words if it was no good one."""
    while True:
        try:
            code = process.wait(_EVERY)
            break
        except subprocess.TimeoutExpired:
            tick()
    if code:
        size = words.seek(0, os.SEEK_END)
        words.seek(max(0, size - 4000))
        said = words.read().decode("utf-8", "replace").strip()
        raise AgentError("check", said[-1000:] or f"it ended with {code} and left no word")
