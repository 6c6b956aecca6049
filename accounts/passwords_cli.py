"""Where commands take a password from: a file, standard input, the keyboard. Never an argument."""

import sys
from argparse import ArgumentParser
from getpass import getpass
from pathlib import Path

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from accounts import credentials


def add_argument(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--password-file",
        metavar="FILE",
        help="read the password from the first line of FILE; - is standard input",
    )


def read(path: str | None, *, username: str, name: str = "", email: str = "") -> str:
    """The password, strong enough, or CommandError. A process list shows arguments to everybody on
    the machine, so it is never one of them."""
    password = _given(path)
    try:
        credentials.check_strength(password, username=username, name=name, email=email)
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from error
    return password


def _given(path: str | None) -> str:
    if path is not None and path != "-":
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{path}: {error}") from error
        return text.partition("\n")[0].rstrip("\r")
    if path == "-" or not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass("Password: ")
    if first != getpass("Password again: "):
        raise CommandError("The two passwords are not the same.")
    return first
