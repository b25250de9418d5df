from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("segments", "0007_lifecycle")]
    operations = [
        AddIndexConcurrently(
            model_name="membershipchange",
            index=models.Index(fields=["segment", "id"], name="change_by_id"),
        ),
        RemoveIndexConcurrently(
            model_name="membershipchange",
            name="change_latest",
        ),
    ]
