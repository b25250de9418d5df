from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("delivery", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="message",
            name="raw",
            field=models.BinaryField(
                editable=False,
                help_text="The mail itself, from just before it is handed over until it is settled",
                null=True,
            ),
        ),
        # It lives for seconds: compressing it would cost more than it saves.
        migrations.RunSQL(
            "ALTER TABLE delivery_message ALTER COLUMN raw SET STORAGE EXTERNAL", migrations.RunSQL.noop
        ),
        migrations.AddConstraint(
            model_name="message",
            constraint=models.CheckConstraint(
                condition=models.Q(("raw", None), ("state__in", ["queued", "in_flight"]), _connector="OR"),
                name="message_raw_not_kept",
            ),
        ),
    ]
