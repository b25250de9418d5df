import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("products", "0003_places"),
        ("recommendations", "0007_external_model"),
    ]

    operations = [
        migrations.AddField(
            model_name="popularproducts",
            name="category",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="products.category",
            ),
        ),
        migrations.AlterField(
            model_name="popularproducts",
            name="kind",
            field=models.CharField(
                choices=[
                    ("bestsellers", "Bestsellers"),
                    ("trending", "Sells better than usual"),
                    ("in_category", "Bestsellers of a category"),
                ],
                default="bestsellers",
                max_length=11,
            ),
        ),
        migrations.RunSQL(
            migrations.RunSQL.noop,
            "DELETE FROM recommendations_popularproducts WHERE category_id IS NOT NULL",
        ),
        migrations.RemoveConstraint(model_name="popularproducts", name="popular_products_unique"),
        migrations.AddConstraint(
            model_name="popularproducts",
            constraint=models.UniqueConstraint(
                fields=("kind", "country", "category"), name="popular_products_key", nulls_distinct=False
            ),
        ),
    ]
