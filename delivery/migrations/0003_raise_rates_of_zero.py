"""A rate of 0 blocked its workers for ever; 1 is the slowest that means anything."""

from django.db import migrations

RAISE = "UPDATE delivery_sender SET rate_per_second = 1 WHERE rate_per_second < 1"


class Migration(migrations.Migration):
    dependencies = [("delivery", "0002_keep_mail_until_settled")]

    operations = [migrations.RunSQL(RAISE, migrations.RunSQL.noop)]
