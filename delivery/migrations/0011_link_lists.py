import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

# Messages of before have all their links themselves; on the way back, so have those of after.
_BACK = """
UPDATE delivery_message m SET links = l.urls || m.links
FROM delivery_linklist l WHERE l.id = m.link_list_id AND m.links IS NOT NULL
"""


class Migration(migrations.Migration):
    """The links of a template's version are stored once, not with every message."""

    dependencies = [("delivery", "0010_unknown_messages")]

    operations = [
        migrations.CreateModel(
            name="LinkList",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("digest", models.CharField(max_length=64, unique=True)),
                (
                    "urls",
                    django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None),
                ),
            ],
        ),
        migrations.AddField(
            model_name="message",
            name="link_list",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                help_text="The links that it shares with others; its own come after them",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="delivery.linklist",
            ),
        ),
        migrations.RunSQL(migrations.RunSQL.noop, _BACK),
    ]
