"""Experiments: who gets what by chance, and which question that answers."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

LEAST_ALPHA, MOST_ALPHA = 0.001, 0.2
LEAST_POWER, MOST_POWER = 0.5, 0.99
MOST_LOOKS = 20
MOST_REMAINDER_PERCENT = 90
MOST_WAIT_HOURS = 24 * 60


def usual_guardrails() -> list[str]:
    """The guardrails of an experiment whose plan names none."""
    return [Experiment.Guardrail.UNSUBSCRIBE.value]


def check_guardrails(value: object) -> None:
    """Raise ValidationError unless `value` is a list of different known guardrails."""
    known = Experiment.Guardrail.values
    if not isinstance(value, list) or any(one not in known for one in value) or len(set(value)) < len(value):
        raise ValidationError(f"Give a list of different ones out of {', '.join(known)}.")


class Experiment(models.Model):
    """A comparison of variants: its plan, written down before the start and frozen by it, and what came of it.

    `salt` decides the split. What is planned is in the fields of `PLAN`; `decided_at`,
    `decided_variant`, `learnings` and `archived_at` are written afterwards.
    """

    class Metric(models.TextChoices):
        HUMAN_CLICK = "human_click", "Clicked (by a person)"
        CONVERSION = "conversion", "Ordered within the window"
        REVENUE = "revenue", "Revenue per recipient within the window"
        HUMAN_OPEN = "human_open", "Opened (by a person)"

    class Tests(models.TextChoices):
        """What the arms differ in."""

        SUBJECT = "subject", "Subject"
        PREHEADER = "preheader", "Preheader"
        CONTENT = "content", "Content"
        TEMPLATE = "template", "Template"
        RULES = "rules", "Rules"
        STRATEGY = "strategy", "Recommendation strategy"
        SEND_TIME = "send_time", "Time of sending"
        CAMPAIGN = "campaign", "Whole campaign"
        JOURNEY = "journey", "Ways through a journey"
        OTHER = "other", "Something else"

    class Method(models.TextChoices):
        """When the result may be judged without more false winners than `alpha` allows."""

        FIXED = "fixed", "Once, at the end"
        OBRIEN_FLEMING = "obrien_fleming", "At planned looks, strict early (O'Brien–Fleming)"
        POCOCK = "pocock", "At planned looks, alike at each (Pocock)"
        ANYTIME = "anytime", "Whenever you like"

    class Guardrail(models.TextChoices):
        UNSUBSCRIBE = "unsubscribe", "Unsubscribes"
        COMPLAINT = "complaint", "Spam complaints"
        BOUNCE = "bounce", "Bounces"

    class Winner(models.TextChoices):
        SHOW = "show", "Is shown"
        AUTO_SEND = "auto_send", "Is sent to the remainder by itself"

    class NoWinner(models.TextChoices):
        """What the remainder gets where no arm won."""

        BASELINE = "baseline", "The baseline"
        LARGEST = "largest", "The largest arm"
        ASK = "ask", "Nothing until somebody decides"

    class Allocation(models.TextChoices):
        FIXED = "fixed", "The weights stay as planned"
        BANDIT = "bandit", "Better arms get more of each next occurrence"

    key = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    hypothesis = models.TextField(blank=True)
    salt = models.CharField(max_length=100)
    tests = models.CharField(
        max_length=20, choices=Tests.choices, default=Tests.TEMPLATE, help_text="What the arms differ in."
    )
    primary_metric = models.CharField(max_length=20, choices=Metric.choices, default=Metric.CONVERSION)
    conversion_window_days = models.PositiveSmallIntegerField(default=7, validators=[MinValueValidator(1)])
    alpha = models.FloatField(
        default=0.05,
        validators=[MinValueValidator(LEAST_ALPHA), MaxValueValidator(MOST_ALPHA)],
        help_text="The chance of naming a winner where there is none: 0.05 unless you know why not.",
    )
    method = models.CharField(max_length=20, choices=Method.choices, default=Method.FIXED)
    looks = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_LOOKS)],
        help_text="How often the result is judged, the last time included; once at the end: 1.",
    )
    smallest_effect = models.FloatField(
        null=True, blank=True, help_text="The smallest relative lift worth finding: 0.05 is 5 %."
    )
    expected_value = models.FloatField(
        null=True,
        blank=True,
        help_text="The rate, or the revenue per recipient in minor units, that the plan was made with.",
    )
    expected_deviation = models.FloatField(
        null=True, blank=True, help_text="The standard deviation of revenue per recipient, in minor units."
    )
    is_expectation_measured = models.BooleanField(
        default=False,
        db_default=False,
        editable=False,
        help_text="What is expected is what the list did, rather than what somebody entered.",
    )
    planned_customers = models.PositiveIntegerField(
        null=True, blank=True, help_text="How many customers are needed, over all compared arms."
    )
    power = models.FloatField(
        default=0.8,
        validators=[MinValueValidator(LEAST_POWER), MaxValueValidator(MOST_POWER)],
        help_text="The chance of finding an effect of the smallest size that is worth finding.",
    )
    guardrails = models.JSONField(
        default=usual_guardrails,
        blank=True,
        validators=[check_guardrails],
        help_text="What must not get worse: a list out of unsubscribe, complaint, bounce.",
    )
    guardrail_margin = models.FloatField(
        default=0.0025,
        help_text="By how much a guardrail's rate may be worse at most: 0.0025 is a quarter of a percentage point.",
    )
    winner = models.CharField(max_length=20, choices=Winner.choices, default=Winner.SHOW)
    remainder_percent = models.PositiveSmallIntegerField(
        default=0,
        validators=[MaxValueValidator(MOST_REMAINDER_PERCENT)],
        help_text="How many of the audience wait for the winner, in percent.",
    )
    minimum_wait_hours = models.PositiveSmallIntegerField(
        default=24,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_WAIT_HOURS)],
        help_text="How long after the last mail of the test nothing is decided by itself.",
    )
    no_winner = models.CharField(max_length=20, choices=NoWinner.choices, default=NoWinner.BASELINE)
    allocation = models.CharField(max_length=20, choices=Allocation.choices, default=Allocation.FIXED)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True, editable=False)
    decided_at = models.DateTimeField(null=True, blank=True, editable=False)
    decided_variant = models.CharField(
        max_length=50, blank=True, editable=False, help_text="The winner's key; empty: no winner"
    )
    learnings = models.TextField(blank=True)
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)

    PLAN = (
        "hypothesis",
        "tests",
        "primary_metric",
        "conversion_window_days",
        "alpha",
        "method",
        "looks",
        "smallest_effect",
        "expected_value",
        "expected_deviation",
        "planned_customers",
        "power",
        "guardrails",
        "guardrail_margin",
        "winner",
        "remainder_percent",
        "minimum_wait_hours",
        "no_winner",
        "allocation",
    )
    """The fields that are planned before the start and frozen by it."""

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(alpha__gte=LEAST_ALPHA, alpha__lte=MOST_ALPHA), name="experiment_alpha"
            ),
            models.CheckConstraint(condition=Q(conversion_window_days__gte=1), name="experiment_window_days"),
            models.CheckConstraint(
                condition=Q(looks__gte=1, looks__lte=MOST_LOOKS) & (~Q(method="fixed") | Q(looks=1)),
                name="experiment_looks",
                violation_error_message="Judged once at the end there is one look; otherwise there are 1 to 20.",
            ),
            models.CheckConstraint(
                condition=Q(power__gte=LEAST_POWER, power__lte=MOST_POWER), name="experiment_power"
            ),
            models.CheckConstraint(
                condition=Q(smallest_effect=None) | Q(smallest_effect__gt=0, smallest_effect__lte=10),
                name="experiment_smallest_effect",
                violation_error_message="The smallest effect is more than 0 and at most 10.",
            ),
            models.CheckConstraint(
                condition=(Q(expected_value=None) | Q(expected_value__gte=0))
                & (Q(expected_deviation=None) | Q(expected_deviation__gte=0)),
                name="experiment_expectation",
                violation_error_message="The expected value and deviation are not negative.",
            ),
            models.CheckConstraint(
                condition=Q(guardrail_margin__gt=0, guardrail_margin__lt=1),
                name="experiment_guardrail_margin",
                violation_error_message="The guardrail's margin is between 0 and 1.",
            ),
            models.CheckConstraint(
                condition=Q(guardrails__contained_by=["unsubscribe", "complaint", "bounce"]),
                name="experiment_guardrails",
            ),
            models.CheckConstraint(
                condition=Q(remainder_percent__lte=MOST_REMAINDER_PERCENT), name="experiment_remainder"
            ),
            models.CheckConstraint(
                condition=Q(minimum_wait_hours__gte=1, minimum_wait_hours__lte=MOST_WAIT_HOURS),
                name="experiment_minimum_wait",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def plan(self) -> dict[str, object]:
        """Return what is planned, by the names of the fields."""
        return {name: getattr(self, name) for name in self.PLAN}

    @property
    def is_frozen(self) -> bool:
        """Whether it has started, so that its plan stays as it is."""
        return self.started_at is not None


class Variant(models.Model):
    """One arm. Weights are in basis points of everybody; an experiment's arms sum to 10,000."""

    class Role(models.TextChoices):
        BASELINE = "baseline", "Without personalisation"
        TREATMENT = "treatment", "With what is tested"
        NO_MAIL = "no_mail", "Gets no mail"
        REMAINDER = "remainder", "Waits for the winner"

    experiment = models.ForeignKey(Experiment, models.CASCADE, related_name="variants")
    key = models.SlugField(max_length=50)
    name = models.CharField(max_length=100)
    role = models.CharField(max_length=10, choices=Role.choices)
    salt = models.CharField(
        max_length=120,
        blank=True,
        help_text="A holdout is drawn by itself with its own salt, before the other arms; empty: with the experiment's",
    )
    weight = models.PositiveSmallIntegerField(
        "weight, basis points", validators=[MinValueValidator(1), MaxValueValidator(10_000)]
    )
    entered_weight = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        editable=False,
        help_text="The weight before a remainder was taken from it; empty where there is none",
    )
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "key"]
        constraints = [models.UniqueConstraint(fields=["experiment", "key"], name="variant_key")]

    def __str__(self) -> str:
        return self.name

    @property
    def share(self) -> float:
        """The weight as a share of everybody, from 0 to 1."""
        return self.weight / 10_000


class Look(models.Model):
    """A moment at which an experiment's primary metric is judged, planned at the start; what was seen is kept.

    `fraction` is the share of the planned information that was there, `critical` the |z| that would have ended the
    experiment (empty: none would) and `nominal_alpha` the level of that look's test. `counted` holds the outcomes.
    """

    class State(models.TextChoices):
        PLANNED = "planned", "Planned"
        TAKEN = "taken", "Taken"
        MISSED = "missed", "Missed"
        SPARED = "spared", "Not needed any more"

    experiment = models.ForeignKey(Experiment, models.CASCADE, related_name="planned_looks")
    number = models.PositiveSmallIntegerField()
    is_final = models.BooleanField()
    due_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.PLANNED)
    taken_at = models.DateTimeField(null=True)
    fraction = models.FloatField(null=True)
    critical = models.FloatField(null=True)
    nominal_alpha = models.FloatField(null=True)
    counted = models.JSONField(default=dict)
    status = models.CharField(max_length=20, blank=True)
    sentence = models.TextField(blank=True)
    is_deciding = models.BooleanField(default=False)

    class Meta:
        ordering = ["experiment", "number"]
        constraints = [
            models.UniqueConstraint(fields=["experiment", "number"], name="look_number"),
            models.UniqueConstraint(
                fields=["experiment"], condition=Q(is_deciding=True), name="look_decides_once"
            ),
            models.CheckConstraint(
                condition=Q(state="taken", taken_at__isnull=False) | (~Q(state="taken") & Q(taken_at=None)),
                name="look_taken_at",
            ),
        ]
        indexes = [models.Index(fields=["due_at"], condition=Q(state="planned"), name="look_due")]

    def __str__(self) -> str:
        return f"Look {self.number} of {self.experiment_id}"


class ImportedOutcomes(models.Model):
    """What the arms of an experiment that ran elsewhere did, as exact sums; the experiment itself is a finished plan.

    `metrics` and `arms` are read by `experiments.importing.storing`; the control is the first arm. `primary` is the
    name of the metric that decides, `before` of the column with what was known before the start, or empty.
    """

    experiment = models.OneToOneField(Experiment, models.CASCADE, related_name="imported")
    source = models.CharField(max_length=200, help_text="The name of the file.")
    metrics = models.JSONField()
    arms = models.JSONField()
    primary = models.CharField(max_length=100)
    before = models.CharField(max_length=100, blank=True)
    imported_at = models.DateTimeField(auto_now_add=True)
    imported_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        verbose_name_plural = "imported outcomes"

    def __str__(self) -> str:
        return f"{self.experiment} from {self.source}"
