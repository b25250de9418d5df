"""What an experiment plans before its start, and what was decided and learnt after it."""

import django.core.validators
from django.db import migrations, models

import experiments.models


class Migration(migrations.Migration):
    dependencies = [
        ("experiments", "0003_plausible_plans"),
    ]

    operations = [
        migrations.AddField(
            model_name="experiment",
            name="allocation",
            field=models.CharField(
                choices=[
                    ("fixed", "The weights stay as planned"),
                    ("bandit", "Better arms get more of each next occurrence"),
                ],
                default="fixed",
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="experiment",
            name="archived_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="experiment",
            name="decided_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="experiment",
            name="decided_variant",
            field=models.CharField(
                blank=True, editable=False, help_text="The winner's key; empty: no winner", max_length=50
            ),
        ),
        migrations.AddField(
            model_name="experiment",
            name="expected_deviation",
            field=models.FloatField(
                blank=True,
                help_text="The standard deviation of revenue per recipient, in minor units.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="experiment",
            name="expected_value",
            field=models.FloatField(
                blank=True,
                help_text="The rate, or the revenue per recipient in minor units, that the plan was made with.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="experiment",
            name="guardrail_margin",
            field=models.FloatField(
                default=0.0025,
                help_text="By how much a guardrail's rate may be worse at most: 0.0025 is a quarter of a percentage point.",
            ),
        ),
        migrations.AddField(
            model_name="experiment",
            name="guardrails",
            field=models.JSONField(
                blank=True,
                default=experiments.models.usual_guardrails,
                help_text="What must not get worse: a list out of unsubscribe, complaint, bounce.",
                validators=[experiments.models.check_guardrails],
            ),
        ),
        migrations.AddField(
            model_name="experiment",
            name="learnings",
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name="experiment",
            name="looks",
            field=models.PositiveSmallIntegerField(
                default=1,
                help_text="How often the result is judged, the last time included; once at the end: 1.",
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(20),
                ],
            ),
        ),
        migrations.AddField(
            model_name="experiment",
            name="method",
            field=models.CharField(
                choices=[
                    ("fixed", "Once, at the end"),
                    ("obrien_fleming", "At planned looks, strict early (O'Brien–Fleming)"),
                    ("pocock", "At planned looks, alike at each (Pocock)"),
                    ("anytime", "Whenever you like"),
                ],
                default="fixed",
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="experiment",
            name="minimum_wait_hours",
            field=models.PositiveSmallIntegerField(
                default=24,
                help_text="How long after the last mail of the test nothing is decided by itself.",
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(1440),
                ],
            ),
        ),
        migrations.AddField(
            model_name="experiment",
            name="no_winner",
            field=models.CharField(
                choices=[
                    ("baseline", "The baseline"),
                    ("largest", "The largest arm"),
                    ("ask", "Nothing until somebody decides"),
                ],
                default="baseline",
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="experiment",
            name="planned_customers",
            field=models.PositiveIntegerField(
                blank=True, help_text="How many customers are needed, over all compared arms.", null=True
            ),
        ),
        migrations.AddField(
            model_name="experiment",
            name="power",
            field=models.FloatField(
                default=0.8,
                help_text="The chance of finding an effect of the smallest size that is worth finding.",
                validators=[
                    django.core.validators.MinValueValidator(0.5),
                    django.core.validators.MaxValueValidator(0.99),
                ],
            ),
        ),
        migrations.AddField(
            model_name="experiment",
            name="remainder_percent",
            field=models.PositiveSmallIntegerField(
                default=0,
                help_text="How many of the audience wait for the winner, in percent.",
                validators=[django.core.validators.MaxValueValidator(90)],
            ),
        ),
        migrations.AddField(
            model_name="experiment",
            name="smallest_effect",
            field=models.FloatField(
                blank=True, help_text="The smallest relative lift worth finding: 0.05 is 5 %.", null=True
            ),
        ),
        migrations.AddField(
            model_name="experiment",
            name="tests",
            field=models.CharField(
                choices=[
                    ("subject", "Subject"),
                    ("preheader", "Preheader"),
                    ("content", "Content"),
                    ("template", "Template"),
                    ("rules", "Rules"),
                    ("strategy", "Recommendation strategy"),
                    ("send_time", "Time of sending"),
                    ("campaign", "Whole campaign"),
                    ("journey", "Ways through a journey"),
                    ("other", "Something else"),
                ],
                default="template",
                help_text="What the arms differ in.",
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="experiment",
            name="winner",
            field=models.CharField(
                choices=[("show", "Is shown"), ("auto_send", "Is sent to the remainder by itself")],
                default="show",
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="experiment",
            name="primary_metric",
            field=models.CharField(
                choices=[
                    ("human_click", "Clicked (by a person)"),
                    ("conversion", "Ordered within the window"),
                    ("revenue", "Revenue per recipient within the window"),
                    ("human_open", "Opened (by a person)"),
                ],
                default="conversion",
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="variant",
            name="role",
            field=models.CharField(
                choices=[
                    ("baseline", "Without personalisation"),
                    ("treatment", "With what is tested"),
                    ("no_mail", "Gets no mail"),
                    ("remainder", "Waits for the winner"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            model_name="experiment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("looks__gte", 1),
                    ("looks__lte", 20),
                    models.Q(models.Q(("method", "fixed"), _negated=True), ("looks", 1), _connector="OR"),
                ),
                name="experiment_looks",
                violation_error_message="Judged once at the end there is one look; otherwise there are 1 to 20.",
            ),
        ),
        migrations.AddConstraint(
            model_name="experiment",
            constraint=models.CheckConstraint(
                condition=models.Q(("power__gte", 0.5), ("power__lte", 0.99)), name="experiment_power"
            ),
        ),
        migrations.AddConstraint(
            model_name="experiment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("smallest_effect", None),
                    models.Q(("smallest_effect__gt", 0), ("smallest_effect__lte", 10)),
                    _connector="OR",
                ),
                name="experiment_smallest_effect",
                violation_error_message="The smallest effect is more than 0 and at most 10.",
            ),
        ),
        migrations.AddConstraint(
            model_name="experiment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("expected_value", None), ("expected_value__gte", 0), _connector="OR"),
                    models.Q(("expected_deviation", None), ("expected_deviation__gte", 0), _connector="OR"),
                ),
                name="experiment_expectation",
                violation_error_message="The expected value and deviation are not negative.",
            ),
        ),
        migrations.AddConstraint(
            model_name="experiment",
            constraint=models.CheckConstraint(
                condition=models.Q(("guardrail_margin__gt", 0), ("guardrail_margin__lt", 1)),
                name="experiment_guardrail_margin",
                violation_error_message="The guardrail's margin is between 0 and 1.",
            ),
        ),
        migrations.AddConstraint(
            model_name="experiment",
            constraint=models.CheckConstraint(
                condition=models.Q(("guardrails__contained_by", ["unsubscribe", "complaint", "bounce"])),
                name="experiment_guardrails",
            ),
        ),
        migrations.AddConstraint(
            model_name="experiment",
            constraint=models.CheckConstraint(
                condition=models.Q(("remainder_percent__lte", 90)), name="experiment_remainder"
            ),
        ),
        migrations.AddConstraint(
            model_name="experiment",
            constraint=models.CheckConstraint(
                condition=models.Q(("minimum_wait_hours__gte", 1), ("minimum_wait_hours__lte", 1440)),
                name="experiment_minimum_wait",
            ),
        ),
    ]
