from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations


class Migration(migrations.Migration):
    """How alike two names are."""

    dependencies = [("customers", "0006_duplicates")]

    operations = [TrigramExtension()]
