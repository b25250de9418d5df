"""Settings: all documented, and production refuses what is unsafe."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SAFE = {
    "REGARDS_PRODUCTION": "true",
    "SECRET_KEY": "k" * 10 + "".join(chr(97 + i % 26) for i in range(60)),
    "SUPPRESSION_KEY": "s" * 40,
    "ALLOWED_HOSTS": "mail.shop.example",
    "BASE_URL": "https://mail.shop.example",
    "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
}


def check(**changes: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **SAFE, **changes}
    environment.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)  # left by browser tests of the same process
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_every_setting_is_documented() -> None:
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (ROOT / "config/env.py").read_text()))
    read |= set(re.findall(r'environ\.get\("([A-Z_]+)"', (ROOT / "common/services/places.py").read_text()))
    documented = set(re.findall(r"^#? ?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert read == documented


def test_production_settings_pass_djangos_own_check() -> None:
    result = check()
    assert (result.returncode, "no issues" in result.stdout + result.stderr) == (0, True), result.stderr


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"SECRET_KEY": ""}, "Set SECRET_KEY"),
        ({"SUPPRESSION_KEY": ""}, "Set SUPPRESSION_KEY"),
        ({"DEBUG": "true"}, "DEBUG must be off"),
        ({"ALLOWED_HOSTS": "*"}, "wildcards are refused"),
        ({"ALLOWED_HOSTS": ".shop.example"}, "wildcards are refused"),
        ({"BASE_URL": "http://mail.shop.example"}, "BASE_URL must begin with https://"),
    ],
)
def test_production_refuses_to_start(change: dict[str, str], sentence: str) -> None:
    result = check(**change)
    assert result.returncode != 0
    assert sentence in result.stderr


def test_a_production_site_shows_its_login_and_answers_probes_by_any_name(tmp_path: Path) -> None:
    asked = """
import django
django.setup()
from django.core.management import call_command
from django.test import Client
call_command("collectstatic", verbosity=0, interactive=False)
login = Client(headers={"host": "mail.shop.example"}).get("/login/", secure=True)
print(login.status_code, "/static/css/regards.css" in login.content.decode())
print([Client(headers={"host": "10.0.0.7"}).get(f"/{probe}").status_code for probe in ("healthz", "readyz")])
"""
    environment = {
        **os.environ,
        **SAFE,
        "REGARDS_VAR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    environment.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)
    result = subprocess.run(
        [sys.executable, "-c", asked], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert result.stdout.splitlines() == ["200 False", "[200, 503]"], result.stderr


@pytest.mark.parametrize(("is_production", "proxies"), [("true", 1), ("false", 0)])
def test_one_proxy_is_expected_in_production(is_production: str, proxies: int) -> None:
    environment = {**os.environ, **SAFE, "REGARDS_PRODUCTION": is_production}
    environment.pop("TRUSTED_PROXIES", None)
    command = [sys.executable, "-c", "from config import env; print(env.TRUSTED_PROXIES)"]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert result.stdout == f"{proxies}\n", result.stderr
