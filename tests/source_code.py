"""Our own source as trees, for tests of its shape. Read, not imported: unused code counts too."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
APPS = ("panel", "accounts", "hosting")


@cache
def sources() -> dict[str, ast.Module]:
    """Our modules by dotted name; migrations apart, which are frozen when they are released."""
    found = {}
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            if "migrations" in path.parts:
                continue
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = ast.parse(path.read_text(), str(path))
    return found


def path_of(module: str) -> Path:
    base = ROOT.joinpath(*module.split("."))
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")


@cache
def imports(module: str) -> tuple[str, ...]:
    """What a module imports, as the names of modules (ours as exactly as they can be told)."""
    found = []
    for node in ast.walk(sources()[module]):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.append(inner if inner in sources() else str(node.module))
    return tuple(dict.fromkeys(found))


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def python_files() -> Iterator[Path]:
    for folder in (*APPS, "tests"):
        yield from (p for p in (ROOT / folder).rglob("*.py") if "migrations" not in p.parts)


def calls(tree: ast.AST) -> Iterator[tuple[ast.Call, str]]:
    """Calls with the dotted name of what is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node, ast.unparse(node.func)
