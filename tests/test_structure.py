"""The shape of the house: who imports whom, what root's code may use, how long a file may be."""

import ast
import re
import subprocess
import sys

from tests.source_code import APPS, ROOT, imports, path_of, python_files, sources, within

MAX_FILE, MAX_FUNCTION = 400, 50
# Path -> why it may be longer. Empty on purpose: split instead.
LONG_FILES: dict[str, str] = {}
# "path:function" -> why. A table is no code.
LONG_FUNCTIONS: dict[str, str] = {}


def offences(which: str, *forbidden: str) -> list[str]:
    """Imports of `forbidden` packages from modules within `which`."""
    return [
        f"{module} imports {name}"
        for module in sources()
        if within(module, which)
        for name in imports(module)
        if any(within(name, package) for package in forbidden)
    ]


# What lies at the top, beside dotfiles: anything else came in by accident.
_TOP = {
    *("LICENSE", "Makefile", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"),
    *("manage.py", "pyproject.toml"),
    *("panel", "accounts", "hosting", "templates", "static", "tests", "docs", "requirements"),
}


def test_nothing_lies_at_the_top_that_does_not_belong_there() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:  # an archive of the code, without its history
        return
    found = {name.split("/")[0] for name in listed.stdout.split("\0") if name}
    assert {name for name in found if not name.startswith(".")} == _TOP


def test_the_foundation_knows_no_app() -> None:
    assert not offences("panel.core", "accounts", "hosting")


def test_accounts_know_no_hosting() -> None:
    assert not offences("accounts", "hosting")


def test_apps_know_the_foundation_and_not_the_project() -> None:
    outside = {m for m in sources() if within(m, "panel") and not within(m, "panel.core")} - {
        "panel"
    }
    assert not [line for app in ("panel.core", "accounts") for line in offences(app, *outside)]
    # The demo starts from the configuration; the doctor looks at the installation too.
    allowed = {"hosting.management.commands.demo", "hosting.management.commands.doctor"}
    found = offences("hosting", *(outside - {"panel.settings"}))
    assert not [line for line in found if line.split()[0] not in allowed]


# What a module is, by its name: earlier rooms may import later ones and never the other way.
_ROOMS = ("urls", "views", "api", "operations", "filters", "forms", "models")


def room(module: str) -> str:
    """In which room of its app a module is; "" for helpers, which belong to none."""
    if within(module, "panel.core"):
        return ""
    for piece in module.split(".")[1:]:
        for name in _ROOMS:
            if piece == name or piece.startswith(f"{name}_") or piece.endswith(f"_{name}"):
                return name
    return ""


# Module -> rooms that it may not import.
_FORBIDDEN = {
    "views": {"urls"},
    "api": {"urls", "views"},
    "operations": {"urls", "views", "api"},
    "filters": {"urls", "views", "api", "operations"},
    "forms": {"urls", "views", "api", "operations"},
    "models": {"urls", "views", "api", "operations", "forms", "filters"},
}


def test_inside_an_app_imports_walk_one_way() -> None:
    found = [
        f"{module} ({room(module)}) imports {name} ({room(name)})"
        for module in sources()
        for name in imports(module)
        if name in sources() and room(name) in _FORBIDDEN.get(room(module), ())
    ]
    assert not found


def test_operations_of_the_foundation_know_no_views() -> None:
    below = {"operations", "runs", "bulk", "log", "access", "forms", "filters", "work", "reasons"}
    found = [
        f"panel.core.{name} imports {imported}"
        for name in below
        for imported in imports(f"panel.core.{name}")
        if re.search(r"views|urls|api", imported) and imported in sources()
    ]
    assert not found


def test_no_imports_go_in_circles() -> None:
    """Depth first; a circle is named from end to end."""
    done: set[str] = set()
    circles: list[str] = []

    def visit(module: str, trail: tuple[str, ...]) -> None:
        if module in trail:
            circles.append(" -> ".join([*trail[trail.index(module) :], module]))
        elif module not in done:
            for name in imports(module):
                if name in sources() and name != module:
                    visit(name, (*trail, module))
            done.add(module)

    for module in sources():
        visit(module, ())
    assert not circles


def test_root_runs_nothing_but_the_standard_library() -> None:
    """The agent and the drivers: their own files, and what Python brings."""

    def is_roots(module: str) -> bool:
        return within(module, "hosting.agent") or bool(
            re.fullmatch(r"hosting\.services\.\w+\.driver(_\w+)?", module)
        )

    roots = [module for module in sources() if is_roots(module)]
    assert len(roots) > 10
    found = [
        f"{module} imports {name}"
        for module in roots
        for name in imports(module)
        if not is_roots(name) and name.split(".")[0] not in sys.stdlib_module_names
    ]
    assert not found


def test_packages_have_nothing_in_their_init() -> None:
    full = [
        str(path.relative_to(ROOT))
        for app in (*APPS, "tests")
        for path in (ROOT / app).rglob("__init__.py")
        if path.read_text().strip()
    ]
    assert not full


def test_modules_are_imported_at_the_top() -> None:
    """But for management commands, so that `manage.py help` starts quickly."""
    found = []
    for module, tree in sources().items():
        if ".management.commands." in module:
            continue
        for function in ast.walk(tree):
            if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
                inner = (
                    n for n in ast.walk(function) if isinstance(n, (ast.Import, ast.ImportFrom))
                )
                found += [f"{path_of(module).relative_to(ROOT)}:{node.lineno}" for node in inner]
    assert not found


def test_nothing_is_imported_by_star() -> None:
    found = [
        f"{module}:{node.lineno}"
        for module, tree in sources().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names)
    ]
    assert not found


def test_files_are_short_enough_to_read() -> None:
    found = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in python_files()
    }
    long = {name: lines for name, lines in found.items() if lines > MAX_FILE}
    assert not {name: lines for name, lines in long.items() if name not in LONG_FILES}
    assert not set(LONG_FILES) - set(long), "no exception is needed any more"


def test_functions_fit_on_a_screen() -> None:
    found = {
        f"{path.relative_to(ROOT)}:{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in python_files()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    long = {name: lines for name, lines in found.items() if lines > MAX_FUNCTION}
    assert not {name: lines for name, lines in long.items() if name not in LONG_FUNCTIONS}
    assert not set(LONG_FUNCTIONS) - set(long), "no exception is needed any more"
