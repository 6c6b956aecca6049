"""The gallery as a test, and what can be said of templates and static files without a browser."""

import re
import subprocess
import sys
from pathlib import Path

import brotli
import pytest

ROOT = Path(__file__).resolve().parents[3]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))


@pytest.mark.browser
@pytest.mark.slow
def test_axe_and_the_browser_find_nothing_in_any_template() -> None:
    # A process of its own: the gallery has settings of its own.
    command = [sys.executable, "-m", "tests.browser.gallery.render"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_icon_that_a_template_names_is_in_the_sprite() -> None:
    sprite = set(re.findall(r'<symbol id="([\w-]+)"', (ROOT / "static/icons.svg").read_text()))
    named = {
        name
        for template in TEMPLATES
        for name in re.findall(r'{% icon "([\w-]+)"', template.read_text())
    }
    assert named
    assert named <= sprite


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_holds_what_the_policy_refuses(template: Path) -> None:
    text = template.read_text()
    assert not re.search(r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son\w+=|javascript:", text)
    assert "|safe" not in text
    assert "autoescape off" not in text


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_template_begins_with_its_blocks_and_context(template: Path) -> None:
    text = template.read_text()
    opened = re.match(r"({% extends [^%]*%})?{% comment %}\n(.*?){% endcomment %}", text, re.S)
    assert opened
    assert "Context" in opened[2]


def test_both_schemes_name_the_same_colours() -> None:
    def variables(name: str) -> set[str]:
        root = re.search(r":root {(.*?)\n}", (ROOT / "static/css" / name).read_text(), re.S)
        assert root
        return set(re.findall(r"^  (--[a-z-]+): (?:#|rgb|0 \d+px|url)", root[1], re.M))

    assert variables("dark.css") == variables("panel.css")


def test_static_files_together_weigh_at_most_45_kilobytes() -> None:
    files = [path for path in (ROOT / "static").rglob("*") if path.is_file()]
    assert sum(len(brotli.compress(path.read_bytes())) for path in files) <= 45_000


def test_the_script_stays_small() -> None:
    assert (ROOT / "static/js/panel.js").stat().st_size <= 6_144
