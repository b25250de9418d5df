import json

from django.db import migrations, models

from common.sealed import seal, unseal


def seal_secrets(apps, schema_editor):
    for sender in apps.get_model("delivery", "Sender").objects.exclude(secret="").order_by("pk"):
        sender.credentials = seal(json.dumps({"secret": sender.secret}))
        sender.save(update_fields=["credentials"])


def unseal_secrets(apps, schema_editor):
    """Back to the two ways that there were; what other senders were told is lost with their columns."""
    senders = apps.get_model("delivery", "Sender").objects
    senders.exclude(backend__in=["local", "gateway"]).update(backend="local", credentials="")
    for sender in senders.exclude(credentials="").order_by("pk"):
        sender.secret = json.loads(unseal(sender.credentials)).get("secret", "")
        sender.save(update_fields=["secret"])


class Migration(migrations.Migration):
    dependencies = [
        ("delivery", "0012_frozen_verdicts"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="sender",
            name="sender_gateway_has_address",
        ),
        migrations.AddField(
            model_name="sender",
            name="credentials",
            field=models.TextField(
                blank=True, db_default="", editable=False, help_text="Secrets of the way out, encrypted"
            ),
        ),
        migrations.AddField(
            model_name="sender",
            name="dkim_selector",
            field=models.CharField(
                blank=True,
                db_default="",
                help_text="The name under which the domain's DKIM key is published; empty: the provider's usual ones",
                max_length=63,
                verbose_name="DKIM selector",
            ),
        ),
        migrations.AddField(
            model_name="sender",
            name="options",
            field=models.JSONField(blank=True, default=dict, help_text="What else the way out has to know"),
        ),
        migrations.AlterField(
            model_name="sender",
            name="address",
            field=models.CharField(
                blank=True,
                db_default="",
                help_text="Where mail is handed in, if it is not known",
                max_length=200,
            ),
        ),
        migrations.AlterField(
            model_name="sender",
            name="backend",
            field=models.CharField(
                choices=[
                    ("local", "Local mailbox (nothing leaves this machine)"),
                    ("smtp", "Mail server (SMTP)"),
                    ("amazon_ses", "Amazon SES"),
                    ("brevo", "Brevo"),
                    ("mailersend", "MailerSend"),
                    ("mailgun", "Mailgun"),
                    ("mailjet", "Mailjet"),
                    ("mailtrap", "Mailtrap"),
                    ("mandrill", "Mandrill (Mailchimp)"),
                    ("postal", "Postal"),
                    ("postmark", "Postmark"),
                    ("resend", "Resend"),
                    ("scaleway", "Scaleway"),
                    ("sendgrid", "SendGrid"),
                    ("sparkpost", "SparkPost"),
                    ("unisender_go", "Unisender Go"),
                    ("gateway", "Mail gateway over HTTP"),
                ],
                default="local",
                max_length=20,
                verbose_name="way out",
            ),
        ),
        migrations.RunPython(seal_secrets, unseal_secrets),
        migrations.RemoveField(
            model_name="sender",
            name="secret",
        ),
        migrations.AddConstraint(
            model_name="sender",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("backend__in", ["gateway", "smtp"]), _negated=True),
                    models.Q(("address", ""), _negated=True),
                    _connector="OR",
                ),
                name="sender_has_address",
            ),
        ),
    ]
