from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("connectors", "0002_source_schedule")]

    operations = [
        migrations.AlterField(
            model_name="source", name="name", field=models.SlugField(max_length=90, unique=True)
        ),
    ]
