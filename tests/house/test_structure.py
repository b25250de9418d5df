"""The house: who may know whom, in code's string references too, and names that nobody else has."""

import ast
import importlib.metadata
import tomllib
from pathlib import Path

from django.apps import apps
from django.db.migrations.loader import MigrationLoader

ROOT = Path(__file__).resolve().parents[2]
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())
CONTRACT = CONFIG["tool"]["importlinter"]["contracts"][0]
LEVEL = {
    name.strip(): level for level, line in enumerate(reversed(CONTRACT["layers"])) for name in line.split("|")
}
PACKAGES = [name for name in LEVEL if (ROOT / name / "__init__.py").exists()]
PATHS = [path for name in [*PACKAGES, "config"] for path in sorted((ROOT / name).rglob("*.py"))]
SOURCES = [path for path in PATHS if "migrations" not in path.parts]


def may_know(upper: str, lower: str) -> bool:
    return upper == lower or LEVEL[upper] > LEVEL[lower]


def test_every_package_of_the_house_has_a_place_in_the_layers() -> None:
    found = {path.parent.name for path in ROOT.glob("*/apps.py")}
    assert found == set(PACKAGES)


def test_foreign_keys_point_down() -> None:
    wrong = [
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        if model._meta.app_label in LEVEL
        for field in model._meta.get_fields(include_hidden=False)
        if field.is_relation and not field.auto_created and field.related_model is not None
        if field.related_model._meta.app_label in LEVEL
        if not may_know(model._meta.app_label, field.related_model._meta.app_label)
    ]
    assert wrong == []


def test_migrations_depend_downwards() -> None:
    graph = MigrationLoader(None, ignore_no_migrations=True).disk_migrations
    wrong = [
        f"{app}.{name} → {dependency}"
        for (app, name), migration in graph.items()
        if app in LEVEL
        for dependency, _ in migration.dependencies
        if dependency in LEVEL and not may_know(app, dependency)
    ]
    assert wrong == []


def test_no_installed_distribution_provides_a_package_of_our_name() -> None:
    provided = importlib.metadata.packages_distributions()
    assert {name: provided[name] for name in [*PACKAGES, "config", "tests"] if name in provided} == {}


def test_no_file_is_named_after_nothing() -> None:
    nothing = {"utils.py", "helpers.py", "services.py", "misc.py"}
    assert [str(path) for path in PATHS if path.name in nothing] == []


def test_every_public_function_says_what_it_does() -> None:
    silent = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in SOURCES
        if path.name not in {"admin.py", "apps.py"} and "commands" not in path.parts
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)
        if not node.name.startswith("_") and not ast.get_docstring(node)
    ]
    assert silent == []
