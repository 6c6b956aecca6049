"""Which of nginx's directives a site may have of its own, and with which arguments.

What is not listed is refused: what reads files (root, alias, include, auth_basic_user_file), what
reaches other programs (proxy_pass and its kin: a name may lead to this node itself), what loads or
runs code, and what writes logs elsewhere. Variables are listed too, and no regular expression may
name its groups: the gate and the document root rest on variables.
"""

import ipaddress
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from hosting.services.web.driver_grammar import BadText, Directive, parse

_VARIABLE = re.compile(r"\$\{?([A-Za-z0-9_]+)")
_KNOWN = re.compile(
    r"[1-9]|my_[a-z0-9_]{1,40}|(?:arg|http|cookie)_[a-z0-9_]{1,64}"
    r"|uri|document_uri|request_uri|request_filename|document_root|args|query_string|is_args"
    r"|host|scheme|https|remote_addr|request_method|server_protocol|content_type|content_length"
    r"|invalid_referer|time_iso8601|msec"
)
_NAMED_GROUP = re.compile(r"\(\?(?:P?<(?![=!])|P|')")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")
_NAMED_LOCATION = re.compile(r"@my_[a-z0-9_]{1,40}")
_SIZE = re.compile(r"(\d{1,7})([kKmM]?)")
_CHALLENGES = "/.well-known/acme-challenge"
_LARGEST = 1024**3

Arguments = Sequence[str]


def _a_page(arguments: Arguments) -> bool:
    """Whether the last one is a place of this site, or an address elsewhere."""
    last = arguments[-1]
    codes = all(re.fullmatch(r"[3-5]\d\d|=(?:[2-5]\d\d)?", each) for each in arguments[:-1])
    return codes and "503" not in arguments and _a_target(last)


def _a_target(word: str) -> bool:
    if word.startswith("@"):
        return bool(_NAMED_LOCATION.fullmatch(word))
    return ".." not in word and word.startswith(("/", "http://", "https://"))


def _files(arguments: Arguments) -> bool:
    """Whether all are below the document root, the last one perhaps a status or a place."""
    *some, last = arguments
    is_last = bool(re.fullmatch(r"=[2-5]\d\d", last)) or _a_target(last) or last.startswith("$uri")
    return is_last and all(".." not in each and each.startswith(("/", "$uri")) for each in some)


def _no_way_up(arguments: Arguments) -> bool:
    return all(".." not in each and not each.startswith("@") for each in arguments)


def _condition(arguments: Arguments) -> bool:
    """Whether files are only looked for below the document root."""
    for test, what in zip(arguments, (*arguments[1:], ""), strict=True):
        if re.fullmatch(r"\(?!?-[a-z]", test):
            below = what.startswith(("$request_filename", "$document_root"))
            if not below or ".." in what:
                return False
    return True


def _location(arguments: Arguments) -> bool:
    *kind, place = arguments
    if kind and kind[0] in ("~", "~*"):
        return True
    if not kind and place.startswith("@"):
        return bool(_NAMED_LOCATION.fullmatch(place))
    is_known = kind in ([], ["="], ["^~"]) and place.startswith("/")
    return is_known and not place.lower().startswith(_CHALLENGES)


def _address(arguments: Arguments) -> bool:
    try:
        return arguments[0] == "all" or bool(ipaddress.ip_network(arguments[0], strict=False))
    except ValueError:
        return False


def _size(arguments: Arguments) -> bool:
    found = _SIZE.fullmatch(arguments[0])
    unit = {"": 1, "k": 1024, "m": 1024**2}
    return bool(found) and int(found[1]) * unit[found[2].lower()] <= _LARGEST  # type: ignore[index]


def _own_variable(arguments: Arguments) -> bool:
    return bool(re.fullmatch(r"\$my_[a-z0-9_]{1,40}", arguments[0]))


def _header(arguments: Arguments) -> bool:
    return bool(_HEADER.fullmatch(arguments[0])) and arguments[2:] in ((), ("always",))


def _switch(arguments: Arguments) -> bool:
    return arguments[0] in ("on", "off")


def _any(arguments: Arguments) -> bool:
    return True


@dataclass(frozen=True)
class _Rule:
    least: int
    most: int
    check: Callable[[Arguments], bool] = _any
    has_block: bool = False


_ONE_SWITCH = _Rule(1, 1, _switch)
RULES = {
    **dict.fromkeys(
        (
            *("autoindex", "autoindex_exact_size", "autoindex_localtime", "etag", "gzip"),
            *("gzip_vary", "log_not_found", "absolute_redirect", "port_in_redirect"),
            *("override_charset", "sub_filter_once", "sub_filter_last_modified"),
        ),
        _ONE_SWITCH,
    ),
    "add_header": _Rule(2, 3, _header),
    "allow": _Rule(1, 1, _address),
    "autoindex_format": _Rule(1, 1),
    "break": _Rule(0, 0),
    "charset": _Rule(1, 1),
    "client_max_body_size": _Rule(1, 1, _size),
    "default_type": _Rule(1, 1),
    "deny": _Rule(1, 1, _address),
    "error_page": _Rule(2, 20, _a_page),
    "expires": _Rule(1, 2),
    "gzip_comp_level": _Rule(1, 1),
    "gzip_min_length": _Rule(1, 1),
    "gzip_types": _Rule(1, 40),
    "if": _Rule(1, 4, _condition, has_block=True),
    "if_modified_since": _Rule(1, 1),
    "index": _Rule(1, 20, _no_way_up),
    "internal": _Rule(0, 0),
    "limit_except": _Rule(1, 10, has_block=True),
    "location": _Rule(1, 2, _location, has_block=True),
    "max_ranges": _Rule(1, 1),
    "return": _Rule(1, 2),
    "rewrite": _Rule(2, 3),
    "satisfy": _Rule(1, 1),
    "set": _Rule(2, 2, _own_variable),
    "sub_filter": _Rule(2, 2),
    "sub_filter_types": _Rule(1, 20),
    "try_files": _Rule(2, 20, _files),
    "valid_referers": _Rule(1, 40),
}


def checked(text: str) -> tuple[Directive, ...]:
    """Return the directives of a text if all of them are allowed; BadText says which is not."""
    found = parse(text)
    _check(found)
    return found


def _check(directives: Sequence[Directive]) -> None:
    for each in directives:
        rule = RULES.get(each.name)
        if rule is None:
            raise BadText(f"line {each.line}: {each.name[:40]!r} is not allowed here")
        if (each.block is not None) != rule.has_block:
            missing = "needs braces" if rule.has_block else "has no braces"
            raise BadText(f"line {each.line}: {each.name} {missing}")
        if not rule.least <= len(each.arguments) <= rule.most or not rule.check(each.arguments):
            raise BadText(f"line {each.line}: {each.name} is not allowed with these arguments")
        for argument in each.arguments:
            _check_argument(each, argument)
        _check(each.block or ())


def _check_argument(each: Directive, argument: str) -> None:
    if _NAMED_GROUP.search(argument):
        raise BadText(f"line {each.line}: groups of regular expressions cannot have names here")
    for name in _VARIABLE.findall(argument):
        if not _KNOWN.fullmatch(name.lower()):
            raise BadText(f"line {each.line}: the variable ${name[:40]} is not for sites")


def has_root_location(directives: Sequence[Directive]) -> bool:
    """Whether they say themselves what is done with everything that no other location takes."""
    everything = (("/",), ("^~", "/"))
    return any(each.name == "location" and each.arguments in everything for each in directives)


def guarded(directives: Sequence[Directive], links: Directive) -> tuple[Directive, ...]:
    """Return them with what holds in every location of ours: no links, and no hidden files."""
    return tuple(_guarded(each, links) for each in directives)


def _guarded(each: Directive, links: Directive) -> Directive:
    if each.block is None:
        return each
    inside = guarded(each.block, links)
    if each.name == "location":
        hidden = ("($uri", "~", r"/\.(?!well-known/))")
        inside = (
            links,
            Directive("if", hidden, (Directive("return", ("403",)),)),
            *inside,
        )
    return replace(each, block=inside)
