"""What an installation is made of: the code of a clone, and the agent as one file."""

import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from panel.install import agent_archive, release
from tests.source_code import ROOT, imports, sources, within

# What runs as root


def test_the_installer_runs_on_what_python_brings() -> None:
    """It is there before anything is installed; the doctor asks the agent besides."""
    allowed = ("panel.install", "panel.supervisor", "hosting.agent")
    found = [
        f"{module} imports {name}"
        for module in sources()
        if within(module, "panel.install")
        for name in imports(module)
        if within(name, "django") or (name in sources() and name != "panel"
                                      and not any(within(name, each) for each in allowed))
    ]  # fmt: skip
    assert not found


def test_the_agents_archive_runs_alone_under_debians_python(tmp_path) -> None:
    """Isolated, without site packages, from a directory where no clone is."""
    archive = tmp_path / "agent.pyz"
    archive.write_bytes(agent_archive.build(ROOT))
    done = subprocess.run(
        ["/usr/bin/python3", "-I", "-S", archive, "--help"],
        cwd=tmp_path, env={}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "--panel-uid" in done.stdout


def test_the_agents_archive_holds_the_agent_and_nothing_else() -> None:
    names = {str(name) for name in agent_archive.members(ROOT)}
    assert "hosting/agent/server.py" in names
    assert "hosting/services/web/driver.py" in names
    assert not [
        name for name in names if not name.startswith("hosting/agent/") and "/driver" not in name
    ]
    assert not [name for name in names if "django" in (ROOT / name).read_text().lower().split()]


def test_the_same_code_makes_the_same_archive(tmp_path) -> None:
    first = agent_archive.build(ROOT)
    assert first == agent_archive.build(ROOT)
    (tmp_path / "a").write_bytes(first)
    with zipfile.ZipFile(tmp_path / "a") as archive:
        assert archive.read("hosting/__init__.py") == b""
        assert archive.testzip() is None


# Releases


def clone(place: Path, version: str = "1.0.0") -> Path:
    """As little as a clone needs to have."""
    (place / "hosting/migrations").mkdir(parents=True)
    (place / "pyproject.toml").write_text(f'version = "{version}"\n')
    (place / "hosting/migrations/0001_initial.py").write_text("")
    (place / "var").mkdir()
    (place / "var/panel.sqlite3").write_text("data")
    return place


def test_a_release_is_named_by_its_files_and_takes_no_data_along(tmp_path) -> None:
    place = clone(tmp_path / "a")
    names = release.files(place)
    assert [str(name) for name in names] == ["hosting/migrations/0001_initial.py", "pyproject.toml"]
    first = release.of_clone(place, names)
    (place / "hosting/local.py").write_text("a change of one's own")
    second = release.of_clone(place, release.files(place))
    assert first.name != second.name
    assert second.migrations == ["hosting/migrations/0001_initial"]


@pytest.mark.parametrize(
    ("new", "old", "older"),
    [
        ("1.0.0", "1.0.1", True),
        ("1.0.0.dev3", "1.0.0", True),
        ("1.10.0", "1.9.0", False),
        ("1.0.0", "1.0.0.dev0", False),
        ("1.0.0", "1.0.0", False),
    ],
)
def test_an_older_version_is_told_from_a_newer_one(tmp_path, new, old, older) -> None:
    known = release.Release("a", new), release.Release("b", old)
    assert bool(release.why_older(tmp_path, *known)) is older


def test_a_clone_that_lacks_a_migration_is_older(tmp_path) -> None:
    new = release.Release("a", "1.0", migrations=["x/migrations/0001_initial"])
    old = release.Release("b", "1.0", migrations=[*new.migrations, "x/migrations/0002_more"])
    assert "0002_more" in release.why_older(tmp_path, new, old)
    assert release.why_older(tmp_path, old, new) == ""


def test_a_commit_before_the_installed_one_is_older(tmp_path) -> None:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    name = ["-c", "user.name=a", "-c", "user.email=a@b.example"]
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    commits = []
    for text in "one", "two":
        subprocess.run(
            ["git", *name, "commit", "-q", "--allow-empty", "-m", text], cwd=tmp_path, check=True
        )
        said = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        commits.append(said.stdout.strip())
    first, second = (release.Release(commit, "1.0", commit) for commit in commits)
    assert "comes before" in release.why_older(tmp_path, first, second)
    assert release.why_older(tmp_path, second, first) == ""
