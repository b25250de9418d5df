"""Every template parses, and none asks for anything from elsewhere."""

import re
from pathlib import Path

import pytest
from django.template.loader import get_template

FOLDER = Path(__file__).resolve().parents[2] / "templates"
NAMES = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.html"))


@pytest.mark.parametrize("name", NAMES)
def test_it_parses(name: str) -> None:
    assert get_template(name).template.name == name


@pytest.mark.parametrize("name", NAMES)
def test_it_has_no_inline_script_and_nothing_from_elsewhere(name: str) -> None:
    text = (FOLDER / name).read_text()
    inline = re.findall(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>|\son\w+=\"", text)
    foreign = re.findall(r"(?:src|href)=\"(?:https?:)?//[^\"]+", text)
    assert (inline, foreign) == ([], [])
