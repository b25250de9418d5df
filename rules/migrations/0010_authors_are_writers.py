"""Who is the author of a draft wrote on it."""

from django.db import migrations

FILL = "UPDATE rules_ruledraft SET writer_ids = ARRAY[author_id] WHERE author_id IS NOT NULL"


class Migration(migrations.Migration):
    dependencies = [("rules", "0009_draft_writers")]

    operations = [migrations.RunSQL(FILL, migrations.RunSQL.noop)]
