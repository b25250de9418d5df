"""What is vendored is what the manifests say, and nothing else."""

import json
import re
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django import Settings

from common.vendored import (
    MANIFESTS,
    ROOT,
    digest,
    icons_in_sprite,
    icons_mentioned,
    read_manifest,
    without_source_map,
)


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: path.parts[-3])
def test_every_file_has_the_hash_of_its_manifest(manifest: Path) -> None:
    entries = read_manifest(manifest)
    assert entries
    assert {entry.file: digest(manifest.parent / entry.file) for entry in entries} == {
        entry.file: entry.sha256 for entry in entries
    }


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: path.parts[-3])
def test_every_vendored_file_is_in_its_manifest(manifest: Path) -> None:
    found = {str(path.relative_to(manifest.parent)) for path in manifest.parent.rglob("*") if path.is_file()}
    assert found - {"manifest.json"} == {entry.file for entry in read_manifest(manifest)}


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: path.parts[-3])
def test_every_entry_names_its_version_and_licence(manifest: Path) -> None:
    assert all(
        entry.version and entry.licence and entry.package and entry.source
        for entry in read_manifest(manifest)
    )


def test_no_vendored_file_points_to_a_source_map() -> None:
    texts = [path for path in (ROOT / "static").rglob("*") if path.suffix in {".css", ".js"}]
    assert [path.name for path in texts if b"sourceMappingURL" in path.read_bytes()] == []


def test_it_cuts_only_the_closing_source_map_comment() -> None:
    assert without_source_map(b"a{}\n/*# sourceMappingURL=a.css.map */\n") == b"a{}\n"
    assert without_source_map(b"run();\n//# sourceMappingURL=a.js.map") == b"run();\n"
    assert without_source_map(b"run();\n") == b"run();\n"


def test_the_sprite_holds_every_icon_that_is_used() -> None:
    assert icons_mentioned() - icons_in_sprite() == set()


def test_every_reference_between_static_files_leads_to_a_file(settings: Settings, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    backend = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": backend}}
    call_command("collectstatic", interactive=False, verbosity=0)
    hashed = json.loads((tmp_path / "staticfiles.json").read_text())["paths"]
    assert hashed["vendor/inter/inter-latin.woff2"] in (tmp_path / hashed["css/regards.css"]).read_text()


def test_no_template_loads_anything_from_elsewhere() -> None:
    outside = re.compile(r"""(?:src|href)=["'](?:https?:)?//""")
    assert [path.name for path in _templates() if outside.search(path.read_text())] == []


def test_no_template_has_a_script_or_a_handler_of_its_own() -> None:
    inline = re.compile(r"<script(?![^>]*(?:src=|application/json))|\son[a-z]+=", re.IGNORECASE)
    assert [path.name for path in _templates() if inline.search(path.read_text())] == []


def _templates() -> list[Path]:
    return [*(ROOT / "templates").rglob("*.html"), *ROOT.glob("*/templates/**/*.html")]
