import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("delivery", "0007_message_deaths"),
    ]

    operations = [
        migrations.AddField(
            model_name="sender",
            name="address",
            field=models.CharField(
                blank=True,
                db_default="",
                max_length=200,
                validators=[django.core.validators.URLValidator(["https", "http"])],
                help_text="Where the gateway takes mail: https://mail.example/messages",
            ),
        ),
        migrations.AddField(
            model_name="sender",
            name="secret",
            field=models.CharField(
                blank=True, db_default="", help_text="Sent to the gateway as a bearer token", max_length=200
            ),
        ),
        migrations.AddField(
            model_name="sender",
            name="in_doubt",
            field=models.CharField(
                choices=[
                    ("repeat", "Hand it over again: the provider keeps a key once"),
                    ("ask", "Ask the provider first whether it has the key"),
                    ("leave", "Nothing: the message ends as unknown and is shown"),
                ],
                db_default="leave",
                default="leave",
                help_text="What the gateway promises about a mail that it may have taken; the local mailbox keeps keys",
                max_length=10,
                verbose_name="when an answer is lost",
            ),
        ),
        migrations.AlterField(
            model_name="sender",
            name="backend",
            field=models.CharField(
                choices=[
                    ("local", "Local mailbox (nothing leaves this machine)"),
                    ("gateway", "Mail gateway over HTTP"),
                ],
                default="local",
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            model_name="sender",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("backend", "gateway"), _negated=True),
                    models.Q(("address", ""), _negated=True),
                    _connector="OR",
                ),
                name="sender_gateway_has_address",
            ),
        ),
    ]
