"""The one include: the system looks for users in /var/lib/extrausers too, after its own files."""

import re

from panel.install.work import CannotInstall, Work

_NAME = "extrausers"
_DATABASES = ("passwd", "group", "shadow")
_LINE = re.compile(r"^(?P<head>[ \t]*(?P<name>[a-z]+):)(?P<rest>[^#\n]*)(?P<tail>.*)$")


def with_extrausers(text: str) -> str:
    """The text with `extrausers` behind `files` (else at the end) where users are looked up."""
    return _rewritten(text, _insert)


def without_extrausers(text: str) -> str:
    """The text without it."""
    return _rewritten(text, lambda words: [word for word in words if word != _NAME])


def databases_without(text: str) -> list[str]:
    """Which of passwd, group and shadow are not looked for there."""
    found = {
        match["name"]: match["rest"].split()
        for line in text.split("\n")
        if (match := _LINE.match(line))
    }
    return [name for name in _DATABASES if _NAME not in found.get(name, [])]


def _insert(words: list[str]) -> list[str]:
    if _NAME in words:
        return words
    for name in ("files", "compat"):
        if name in words:
            at = words.index(name) + 1
            return [*words[:at], _NAME, *words[at:]]
    return [*words, _NAME]


def _rewritten(text: str, change) -> str:  # type: ignore[no-untyped-def]
    lines = text.split("\n")
    for number, line in enumerate(lines):
        match = _LINE.match(line)
        if match is None or match["name"] not in _DATABASES:
            continue
        words = match["rest"].split()
        changed = change(words)
        if changed != words:
            head, tail = match["head"], match["tail"]
            padding = " " * max(1, 16 - len(head))
            lines[number] = f"{head}{padding}{' '.join(changed)}{' ' if tail else ''}{tail}"
    return "\n".join(lines)


def include(work: Work) -> None:
    """Put the word in; a copy of the file as it was stays beside it."""
    path = work.places.nsswitch
    if not path.exists():
        raise CannotInstall(f"There is no {path}; the package base-files or libc-bin brings it.")
    before = path.read_text(encoding="utf-8")
    after = with_extrausers(before)
    if still := databases_without(after):
        missing = "".join(f"{name}: files {_NAME}\n" for name in still)
        after = after + ("" if after.endswith("\n") else "\n") + missing
    if after != before:
        work.file(path.with_name(f"{path.name}.before-freehold"), before, 0o644)
        work.file(path, after, 0o644)


def exclude(work: Work) -> None:
    """Take the word out again."""
    path = work.places.nsswitch
    if path.exists():
        work.file(path, without_extrausers(path.read_text(encoding="utf-8")), 0o644)
