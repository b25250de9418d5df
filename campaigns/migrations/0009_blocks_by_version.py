"""What blocks say is in their versions alone."""

import django.db.models.deletion
from django.db import migrations, models
from django.utils import timezone


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0008_fill_block_versions")]

    operations = [
        # The defaults are for the way back, on which the columns are added to rows.
        migrations.AlterField("block", "mjml", models.TextField(default="")),
        migrations.AlterField("block", "compiled_html", models.TextField(default="", editable=False)),
        migrations.AlterField("block", "updated_at", models.DateTimeField(default=timezone.now)),
        migrations.AlterField("frozenblock", "compiled_html", models.TextField(default="")),
        migrations.RemoveField("block", "mjml"),
        migrations.RemoveField("block", "compiled_html"),
        migrations.RemoveField("block", "updated_at"),
        migrations.RemoveField("frozenblock", "compiled_html"),
        migrations.AlterField(
            "frozenblock",
            "version",
            models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="campaigns.blockversion",
            ),
        ),
    ]
