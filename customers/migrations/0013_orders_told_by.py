"""Orders and refunds that are there were told by the source that names them."""

from django.db import migrations

TELL = """
UPDATE customers_order SET told_by = source, told_rank = 1000 WHERE told_by = '';
UPDATE customers_refund SET told_by = source WHERE told_by = '';
"""


class Migration(migrations.Migration):
    dependencies = [("customers", "0012_shared_orders")]

    operations = [migrations.RunSQL(TELL, migrations.RunSQL.noop)]
