"""What no source of ours contains, and what every operation and reason declares."""

import ast
import re
from collections.abc import Iterator

import django_filters
import pytest
from django.apps import apps

from panel.core import reasons
from panel.core.filters import PanelFilterSet
from panel.core.lists import list_pages
from panel.core.operations import nouns, operations
from tests.source_code import APPS, ROOT, calls, imports, path_of, sources

# What turns data into code or commands.
_DANGEROUS = {
    *("eval", "exec", "compile", "os.system", "os.popen", "__import__"),
    *("pickle.loads", "pickle.load", "marshal.loads", "shelve.open", "yaml.load"),
    *("subprocess.getoutput", "subprocess.getstatusoutput"),
}


def test_data_never_becomes_code() -> None:
    found = []
    for module, tree in sources().items():
        for call, name in calls(tree):
            shell = any(
                key.arg == "shell"
                and not (isinstance(key.value, ast.Constant) and not key.value.value)
                for key in call.keywords
            )
            if name in _DANGEROUS or shell:
                found.append(f"{module}:{call.lineno} {name}")
        found += [
            f"{module} imports {name}" for name in imports(module) if name in {"pickle", "marshal"}
        ]
    assert not found


# Where Markup is made by hand, because 100 rows of it have to be quick; tests/access/canaries.py
# looks into every page for text that came through unescaped.
MARKUP = {"panel.core.markup", "panel.core.lists", "hosting.status", "hosting.views.domain_list"}


def test_markup_is_marked_safe_only_with_a_reason() -> None:
    """`mark_safe` and `SafeString` of anything but a literal say why, there or the line above."""
    found = []
    for module, tree in sources().items():
        lines = path_of(module).read_text().splitlines()
        for call, name in calls(tree):
            marks = name.split(".")[-1] in {"mark_safe", "SafeString", "SafeText"}
            if not marks or module in MARKUP:
                continue
            is_literal = all(isinstance(arg, ast.Constant) for arg in call.args)
            near = lines[max(0, call.lineno - 2) : (call.end_lineno or call.lineno)]
            if not is_literal and not any("#" in line for line in near):
                found.append(f"{module}:{call.lineno}")
    assert not found


def test_templates_never_switch_escaping_off() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for folder in ("templates", *APPS)
        for path in (ROOT / folder).rglob("*.html")
        for match in re.finditer(r"\|\s*safe(seq)?\b|autoescape\s+off", path.read_text())
    ]
    assert not found


def test_templates_hold_no_script_and_no_style() -> None:
    """The content security policy would refuse them; this says it before a browser does."""
    pattern = re.compile(r"<style|<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=|javascript:", re.I)
    found = [
        f"{path.relative_to(ROOT)}: {match.group().strip()}"
        for path in (ROOT / "templates").rglob("*.html")
        for match in pattern.finditer(path.read_text())
    ]
    assert not found


def test_only_the_api_is_without_csrf_tokens() -> None:
    """It ignores cookies, so nothing can be done with somebody else's."""
    found = {
        module
        for module in sources()
        if "csrf_exempt" in path_of(module).read_text()
        or "csrf_processing_done" in path_of(module).read_text()
    }
    assert found == {"panel.core.api", "accounts.middleware"}


def all_filtersets(base: type = PanelFilterSet) -> Iterator[type]:
    for cls in base.__subclasses__():
        yield cls
        yield from all_filtersets(cls)


def test_no_filter_offers_the_rows_of_another_table() -> None:
    """A foreign key in `Meta.fields` is a select of all there is, neighbours' rows included."""
    found = [
        f"{cls.__name__}.{name}"
        for cls in all_filtersets()
        for name, item in cls.base_filters.items()
        if isinstance(
            item, (django_filters.ModelChoiceFilter, django_filters.ModelMultipleChoiceFilter)
        )
    ]
    assert not found
    for page in list_pages.values():
        assert issubclass(page.filterset_class, PanelFilterSet)


# Where a code of a reason stands among the arguments of a call.
_CODE_AT = {"refuse": 1, "leave": 1, "note": 0, "Refused": 0}


def used_codes() -> Iterator[tuple[str, str]]:
    for module, tree in sources().items():
        for call, name in calls(tree):
            place = _CODE_AT.get(name.split(".")[-1])
            if place is None or len(call.args) <= place:
                continue
            code = call.args[place]
            if isinstance(code, ast.Constant) and isinstance(code.value, str):
                yield f"{module}:{call.lineno}", code.value


def test_every_reason_has_words() -> None:
    used = list(used_codes())
    assert len(used) > 20
    assert not [f"{where} {code}" for where, code in used if code not in reasons.known()]


def test_every_operation_says_what_it_is_and_who_may() -> None:
    for name, operation in operations.items():
        assert str(operation.label).strip(), name
        assert operation.roles, name
        assert operation.noun in nouns, name
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", operation.verb), name
        if operation.undo:
            assert operations[operation.undo].noun == operation.noun, name
        if operation.creates:
            assert operation.creates in nouns, name
        if operation.destructive and operation.noun not in {"token"}:
            assert operation.confirm == "always", f"{name} goes without a question"


def test_every_model_with_owner_columns_is_scoped() -> None:
    """A manager that is not an OwnedQuerySet would read everybody's rows in silence."""
    owned = [
        m
        for m in apps.get_models()
        if {"account_id", "reseller_id"} <= {f.attname for f in m._meta.concrete_fields}
    ]
    assert len(owned) > 8
    for model in owned:
        # Search text and activity are read through `search.matching` and `Activity.visible_to`.
        if model._meta.label in {"core.SearchText"}:
            continue
        assert hasattr(model.objects.all(), "visible_to"), model._meta.label


@pytest.mark.parametrize("word", ["TODO", "FIXME", "XXX", "HACK"])
def test_nothing_is_left_for_later(word: str) -> None:
    pattern = re.compile(rf"\b{word}\b(?!.*#\d+)")
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for folder in (*APPS, "templates", "static", "docs")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".html", ".css", ".js", ".md"}
        for line in path.read_text().splitlines()
        if pattern.search(line)
    ]
    assert not found


# One word per idea; what is never said on screen. A website's third state is "disabled".
_NEVER = re.compile(
    r"\b(clients?|tenants?|packages?|packs?|delet(e|es|ed|ing|ion)|disabl(e|es|ing))\b", re.I
)
_TRANSLATES = {"_", "_t", "_n", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy"}


def _words_on_screen() -> Iterator[tuple[str, str]]:
    for module, tree in sources().items():
        for call, name in calls(tree):
            if name.split(".")[-1] in _TRANSLATES:
                for one in call.args:
                    if isinstance(one, ast.Constant) and isinstance(one.value, str):
                        yield f"{module}:{call.lineno}", one.value
    for path in sorted((ROOT / "templates").rglob("*.html")):
        text = re.sub(r"{#.*?#}|{% comment.*?endcomment %}", "", path.read_text(), flags=re.S)
        yield path.name, text


def test_on_screen_one_word_stands_for_one_idea() -> None:
    """Never client, tenant, package, pack, delete, disable (except a website's third state)."""
    found = [
        f"{where}: {match[0]}"
        for where, text in _words_on_screen()
        for match in _NEVER.finditer(text)
    ]
    assert [one for one in found if not one.endswith(": Disable")] == []
    assert len(found) == 1, found
