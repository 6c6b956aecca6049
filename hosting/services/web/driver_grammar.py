"""nginx's grammar: text into a tree of directives, and a tree into text again.

Words are read as nginx reads them (ngx_conf_read_token) and all written quoted: what comes out has
as many directives as the tree, whatever stood in the text.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

LONGEST = 16_384
MOST = 400
DEEPEST = 4
_SPACE = " \t\r\n"
# What a backslash stands before; before anything else it stands for itself.
_ESCAPED = {'"': '"', "'": "'", "\\": "\\"}


class BadText(ValueError):
    """Text that is no list of directives; the words say where and why."""


@dataclass(frozen=True)
class Directive:
    """A name, its arguments, and what stands in its braces; None where there are none."""

    name: str
    arguments: tuple[str, ...] = ()
    block: tuple["Directive", ...] | None = None
    line: int = 0


@dataclass(frozen=True)
class _Token:
    text: str
    is_mark: bool
    line: int


def _tokens(text: str) -> Iterator[_Token]:
    place, line = 0, 1
    while place < len(text):
        sign = text[place]
        if sign == "\n":
            line += 1
        if sign in _SPACE:
            place += 1
        elif sign == "#":
            end = text.find("\n", place)
            place = len(text) if end < 0 else end
        elif sign in ";{}":
            yield _Token(sign, True, line)
            place += 1
        else:
            word, place = _quoted(text, place, line) if sign in "\"'" else _word(text, place)
            if any(not each.isprintable() for each in word):
                raise BadText(f"line {line}: a control character")
            yield _Token(word, False, line)


def _quoted(text: str, place: int, line: int) -> tuple[str, int]:
    """Read to the closing quote, behind which a word has to end."""
    quote, found = text[place], []
    place += 1
    while place < len(text):
        if text[place] == "\\" and place + 1 < len(text):
            found.append(_ESCAPED.get(text[place + 1], text[place : place + 2]))
            place += 2
        elif text[place] == quote:
            behind = text[place + 1 : place + 2]
            if behind and behind not in _SPACE + ";{)":
                raise BadText(f"line {line}: {behind!r} right behind a closing quote")
            return "".join(found), place + 1
        else:
            found.append(text[place])
            place += 1
    raise BadText(f"line {line}: a quote is not closed")


def _word(text: str, place: int) -> tuple[str, int]:
    """Read to what ends a word; a brace behind a dollar sign does not."""
    found: list[str] = []
    while place < len(text):
        sign = text[place]
        if sign == "\\" and place + 1 < len(text):
            found.append(_ESCAPED.get(text[place + 1], text[place : place + 2]))
            place += 2
            continue
        is_name = sign == "{" and found and found[-1] == "$"
        if (sign in _SPACE or sign in ";{") and not is_name:
            break
        found.append(sign)
        place += 1
    return "".join(found), place


def parse(text: str) -> tuple[Directive, ...]:
    """Return the directives of a text. BadText: it is none, or too much of it."""
    if len(text) > LONGEST:
        raise BadText(f"longer than {LONGEST} characters")
    # Each open block: the directive it belongs to, and what was found in it.
    above: list[tuple[list[_Token], list[Directive]]] = []
    here: list[Directive] = []
    words: list[_Token] = []
    count = 0
    for token in _tokens(text):
        if not token.is_mark:
            words.append(token)
            continue
        if token.text == "}":
            if words or not above:
                raise BadText(f"line {token.line}: a closing brace too many, or ; is missing")
            words, outer = above.pop()
            outer.append(_directive(words, tuple(here)))
            here, words = outer, []
            continue
        count += 1
        if not words or count > MOST:
            raise BadText(f"line {token.line}: {token.text!r} without a directive, or too many")
        if token.text == ";":
            here.append(_directive(words, None))
        else:
            above.append((words, here))
            here = []
            if len(above) > DEEPEST:
                raise BadText(f"line {token.line}: braces within braces, too deep")
        words = []
    if above or words:
        raise BadText("the last directive is not ended, or a brace is not closed")
    return tuple(here)


def _directive(words: Sequence[_Token], block: tuple[Directive, ...] | None) -> Directive:
    name, *arguments = (word.text for word in words)
    return Directive(name, tuple(arguments), block, words[0].line)


def _written(word: str) -> str:
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def serialize(directives: Sequence[Directive], indent: int = 4) -> str:
    """Return the text of directives; their names are known words by now."""
    found = []
    for each in directives:
        start = " " * indent + " ".join([each.name, *map(_written, each.arguments)])
        if each.block is None:
            found.append(f"{start};\n")
        else:
            inside = serialize(each.block, indent + 2)
            found.append(f"{start} {{\n{inside}{' ' * indent}}}\n")
    return "".join(found)
