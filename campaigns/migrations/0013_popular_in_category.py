from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0012_immutable_journey_versions"),
    ]

    operations = [
        migrations.AlterField(
            model_name="campaignvariant",
            name="strategy",
            field=models.CharField(
                choices=[
                    ("for_you", "For you"),
                    ("discover", "Discover"),
                    ("again", "Buy again"),
                    ("goes_with_bought", "Goes with what you bought"),
                    ("goes_with_viewed", "Goes with what you viewed"),
                    ("recently_viewed", "Recently viewed"),
                    ("trending", "Trending"),
                    ("new_in_category", "New in your category"),
                    ("popular_in_category", "Bestsellers in your category"),
                    ("upsell", "A step up"),
                    ("bestsellers", "Bestsellers"),
                ],
                default="bestsellers",
                max_length=20,
            ),
        ),
    ]
