"""What other people wrote and we serve: a manifest beside the files says what they are."""

import hashlib
import json
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MANIFESTS = (ROOT / "static/vendor/manifest.json", ROOT / "tests/browser/vendor/manifest.json")
SPRITE = ROOT / "static/vendor/tabler-icons/sprite.svg"

_ICON_MENTIONS = (
    re.compile(r"""{%\s*icon\s+["']([a-z0-9-]+)["']"""),
    re.compile(r"""\bicon=["']([a-z0-9-]+)["']"""),
)
_SOURCE_MAP = re.compile(rb"\n?(?://|/\*)# sourceMappingURL=[^\n*]*(?:\*/)?\s*$")


@dataclass(frozen=True, kw_only=True)
class VendoredFile:
    """One vendored file: where it stands (relative to the manifest) and which file of which package it is."""

    file: str
    name: str
    version: str
    licence: str
    package: str
    source: str
    sha256: str = ""


def read_manifest(path: Path) -> list[VendoredFile]:
    """The entries of a manifest, in its order."""
    return [VendoredFile(**entry) for entry in json.loads(path.read_text())["files"]]


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def icons_mentioned(root: Path = ROOT) -> set[str]:
    """Names of icons that templates and Python modules ask for: `{% icon "x" %}` and `icon="x"`."""
    return {
        name for text in _own_sources(root) for pattern in _ICON_MENTIONS for name in pattern.findall(text)
    }


def icons_in_sprite(sprite: Path = SPRITE) -> set[str]:
    """Names of the symbols in the sprite."""
    return set(re.findall(r'<symbol id="([a-z0-9-]+)"', sprite.read_text()))


def update(*, manifest: Path, work_dir: Path) -> list[VendoredFile]:
    """Fetch every package of the manifest with npm, copy its files and write the new hashes.

    `work_dir` keeps the unpacked packages; raises `CalledProcessError` where npm fails.
    """
    entries = [_refreshed(entry, manifest.parent, work_dir) for entry in read_manifest(manifest)]
    document = {"files": [asdict(entry) for entry in entries]}
    manifest.write_text(json.dumps(document, indent=2) + "\n")
    return entries


def without_source_map(content: bytes) -> bytes:
    """The file without its closing source-map comment: the maps are not vendored and would answer 404."""
    return _SOURCE_MAP.sub(b"\n", content)


def _refreshed(entry: VendoredFile, folder: Path, work_dir: Path) -> VendoredFile:
    package = _fetched(f"{entry.package}@{entry.version}", work_dir)
    target = folder / entry.file
    target.parent.mkdir(parents=True, exist_ok=True)
    if entry.source == "icons/outline":
        target.write_text(_sprite(package / entry.source, sorted(icons_mentioned())))
    else:
        target.write_bytes(without_source_map((package / entry.source).read_bytes()))
    return replace(entry, sha256=digest(target))


def _fetched(spec: str, work_dir: Path) -> Path:
    folder = work_dir / re.sub(r"[^\w.]+", "-", spec)
    if not folder.exists():
        npm = shutil.which("npm") or "npm"
        command = [npm, "pack", "--silent", "--pack-destination", str(work_dir), spec]
        archive = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1]  # noqa: S603
        with tarfile.open(work_dir / archive) as packed:
            packed.extractall(folder, filter="data")
    return folder / "package"


def _sprite(folder: Path, names: Iterable[str]) -> str:
    symbols = "\n".join(_symbol(name, (folder / f"{name}.svg").read_text()) for name in names)
    return f'<svg xmlns="http://www.w3.org/2000/svg">\n{symbols}\n</svg>\n'


def _symbol(name: str, svg: str) -> str:
    drawing = re.sub(r"\s*\n\s*", "", svg[svg.index(">", svg.index("<svg")) + 1 : svg.rindex("</svg>")])
    return f'<symbol id="{name}" viewBox="0 0 24 24">{drawing}</symbol>'


def _own_sources(root: Path) -> Iterator[str]:
    for pattern in ("templates/**/*.html", "*/templates/**/*.html", "*/**/*.py", "tests/browser/**/*.html"):
        for path in root.glob(pattern):
            # The admin's icons are unfold's own.
            if ".venv" not in path.parts and path.name != "admin.py":
                yield path.read_text()
