"""The commands that the README tells, typed as they stand there."""

import csv
import shlex
import shutil
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from pytest_django import Settings

from campaigns.models import Campaign
from common.clock import now
from config.celery import app
from delivery.models import MailboxMessage, Message

PROGRAM = ".venv/bin/python manage.py "


def told() -> list[list[str]]:
    """The README's management commands with their arguments, in order."""
    lines = (settings.BASE_DIR / "README.md").read_text().splitlines()
    return [shlex.split(line.strip())[2:] for line in lines if line.strip().startswith(PROGRAM)]


def orders(path: Path) -> None:
    """Thirty Britons with three orders each, the last six weeks ago, as the shipped mapping reads them."""
    header = [
        "InvoiceNo",
        "StockCode",
        "Description",
        "Quantity",
        "InvoiceDate",
        "UnitPrice",
        "CustomerID",
        "Country",
    ]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for number in range(90):
            at = now() - timedelta(days=42 + number // 30 * 15)
            line = [
                536_000 + number,
                22_000 + number % 7,
                f"LANTERN {number % 7}",
                2,
                f"{at:%Y-%m-%d %H:%M:%S}",
            ]
            writer.writerow([*line, "4.25", 17_000 + number % 30, "United Kingdom"])


@pytest.mark.django_db(transaction=True)
def test_the_readmes_commands_lead_from_a_file_to_a_report(settings: Settings, tmp_path: Path) -> None:
    settings.MODELS_DIR = settings.REJECTS_DIR = tmp_path
    orders(tmp_path / "orders.csv")
    shutil.copy(settings.BASE_DIR / "customers/mappings/online_retail.yaml", tmp_path / "my_mapping.yaml")
    own = {name: str(tmp_path / name) for name in ("orders.csv", "my_mapping.yaml")}
    commands = told()
    out = StringIO()
    for name, *arguments in commands:
        call_command(name, *(own.get(one, one) for one in arguments), stdout=out)
    with app.connection_for_write() as broker:
        broker.default_channel.client.delete("send")
    assert [name for name, *_ in commands][-3:] == ["launch_campaign", "send_campaigns", "campaign_report"]
    campaign = Campaign.objects.get()
    sent = Message.objects.filter(dispatch=campaign.dispatch, state=Message.State.SENT).count()
    assert campaign.recipients.count() == 30
    assert 0 < sent == MailboxMessage.objects.count()
    assert f"sent {sent}; the books add up." in out.getvalue()
