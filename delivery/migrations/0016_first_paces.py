from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

RATES = {
    "aol.com": 20,
    "gmail.com": 100,
    "gmx.de": 20,
    "gmx.net": 20,
    "googlemail.com": 100,
    "hotmail.com": 20,
    "icloud.com": 20,
    "live.com": 20,
    "msn.com": 20,
    "orange.fr": 5,
    "outlook.com": 20,
    "t-online.de": 10,
    "web.de": 20,
    "yahoo.com": 20,
    "ymail.com": 20,
}
"""Messages a second that the big ones take of a sender that they do not know well yet; people may change them."""


def install(apps: StateApps, editor: BaseDatabaseSchemaEditor | None) -> None:
    """Make the one switch, and the paces to begin with."""
    apps.get_model("delivery", "KillSwitch").objects.get_or_create(pk=1)
    pace = apps.get_model("delivery", "DomainPace")
    pace.objects.bulk_create(
        [pace(domain=domain, rate_per_second=rate) for domain, rate in sorted(RATES.items())],
        ignore_conflicts=True,
    )


class Migration(migrations.Migration):
    dependencies = [("delivery", "0015_steering_and_pace")]
    operations = [migrations.RunPython(install, migrations.RunPython.noop)]
