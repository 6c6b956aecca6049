"""The tables of workflows and of rules name tests that are there: whoever renames or removes one of
these tests sees what it held."""

import ast
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
TABLES = Path(__file__).parent


def lines(table: str) -> list[list[str]]:
    """The rows of a table, in cells."""
    rows = (TABLES / table).read_text().splitlines()
    return [
        [cell.strip() for cell in row.split("|")]
        for row in rows
        if row.strip() and not row.startswith("#")
    ]


def functions(file: str) -> dict[str, ast.FunctionDef]:
    """The tests of a file by name."""
    tree = ast.parse((TESTS / f"{file}.py").read_text())
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def found(named: str) -> ast.FunctionDef | None:
    file, _, test = named.partition("::")
    is_there = (TESTS / f"{file}.py").is_file() and test.startswith("test_")
    return functions(file).get(test) if is_there else None


def test_each_workflow_has_a_browser_test_that_runs_as_those_who_may() -> None:
    table = lines("workflows.txt")
    wrong = []
    for task, number, role, named in table:
        test = found(f"browser/{named}")
        arguments = {one.arg for one in test.args.args} if test else set()
        is_both = bool(arguments & {"provider", "who"})
        if test is None or (role == "providers" and not is_both):
            wrong.append(f"{task} ({role}): {named}")
        assert number in {"one", "many"}
        assert role in {"providers", "administrator", "reseller", "customer"}
    assert not wrong
    assert len({tuple(row[:3]) for row in table}) == len(table) > 70


def test_each_rule_has_tests_that_hold_it() -> None:
    table = lines("rules.txt")
    named = [(rule, one.strip()) for rule, tests in table for one in tests.split(",")]
    assert [f"{rule}: {one}" for rule, one in named if found(one) is None] == []
    assert len({rule for rule, _tests in table}) == len(table) > 100
