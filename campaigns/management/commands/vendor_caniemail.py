"""Distil the data of caniemail.com (the npm package `caniemail`) into what templates are checked against."""

import hashlib
import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from campaigns.templating.checks.clients import FOLDER

FAMILIES = ("gmail", "outlook", "apple-mail", "yahoo", "samsung-email", "thunderbird", "gmx", "web-de")


class Command(BaseCommand):
    """`manage.py vendor_caniemail data/caniemail.json --origin "caniemail 2.0.2 (npm)"`."""

    help = "Write support.json and manifest.json from caniemail's data."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--origin", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        raw = options["file"].read_bytes()
        data = json.loads(raw)
        features = distilled(data)
        lines = ",\n".join(f"{json.dumps(slug)}: {json.dumps(one)}" for slug, one in features.items())
        (FOLDER / "support.json").write_text(f"{{\n{lines}\n}}\n")
        manifest = {
            "origin": options["origin"],
            "licence": "MIT",
            "updated": data["last_update_date"][:10],
            "sha256": hashlib.sha256(raw).hexdigest(),
        }
        (FOLDER / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
        self.stdout.write(f"{len(features)} features that some client does not support.")


def distilled(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return for each feature the clients whose newest test says that they do not support it."""
    names = data["nicenames"]
    found = {}
    for feature in sorted(data["data"], key=lambda feature: feature["slug"]):
        without = [
            _client(names, family, platform)
            for family in FAMILIES
            for platform, tests in feature["stats"].get(family, {}).items()
            if list(tests.values())[-1].startswith("n")
        ]
        if without:
            found[feature["slug"]] = {"title": feature["title"], "without": without}
    return found


def _client(names: dict[str, dict[str, str]], family: str, platform: str) -> str:
    where = names["platform"].get(platform, platform)
    return where if platform in ("outlook-com", "windows-mail") else f"{names['family'][family]} ({where})"
