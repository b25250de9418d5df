import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from common.vendored import MANIFESTS, update


class Command(BaseCommand):
    help = (
        "Fetch the vendored front-end files named in the manifests (needs npm) and rebuild the icon sprite."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--work-dir", type=Path, help="keep fetched packages here (default: a temporary folder)"
        )

    def handle(self, *args: Any, work_dir: Path | None, **options: Any) -> None:
        with tempfile.TemporaryDirectory() as temporary:
            for manifest in MANIFESTS:
                for entry in update(manifest=manifest, work_dir=work_dir or Path(temporary)):
                    self.stdout.write(f"{entry.name} {entry.version}  {entry.file}  {entry.sha256[:12]}")
