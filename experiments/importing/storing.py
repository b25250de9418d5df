"""A finished experiment from a file: counted, analysed, and stored as a whole or not at all."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta

from django.db import IntegrityError, transaction

from accounts import audit
from accounts.models import User
from common.clock import now
from experiments.importing.arms import ImportedArm, read, written
from experiments.importing.mapping import Description, ImportedMetric, ImportProblem
from experiments.importing.report import ImportedReport, report_of
from experiments.models import Experiment, ImportedOutcomes, Look, Variant
from experiments.stats.assignment import WHOLE

EARLIEST = date(1971, 1, 1)


def store(
    description: Description,
    *,
    metrics: Sequence[ImportedMetric],
    primary: str,
    arms: Sequence[ImportedArm],
    before: str,
    source: str,
    user: User | None,
) -> Experiment:
    """Store a finished experiment with its arms and sums, the control first; in one transaction.

    Raises ImportProblem where there is an experiment of this key already, or where it ended before there was e-mail.
    """
    if description.ended_on < EARLIEST:
        raise ImportProblem(
            f"It cannot have ended on {description.ended_on.isoformat()}: that is before e-mail."
        )
    report = report_of(metrics=metrics, primary=primary, arms=arms, alpha=description.alpha)
    try:
        with transaction.atomic():
            experiment = Experiment.objects.create(**_plan(description, report))
            Look.objects.create(**_only_look(experiment, report))
            Variant.objects.bulk_create(_variants(experiment, report, description.control_gets_no_mail))
            ImportedOutcomes.objects.create(
                experiment=experiment,
                source=source[:200],
                metrics=[asdict(metric) for metric in metrics],
                arms=written(arms),
                primary=primary,
                before=before,
                imported_by=user,
            )
            audit.record(user, "imported an experiment", experiment)
    except IntegrityError as error:
        if Experiment.objects.filter(key=description.key).exists():
            raise ImportProblem(f"There is an experiment “{description.key}” already.") from error
        raise
    return experiment


def imported_report(experiment: Experiment) -> ImportedReport:
    """Analyse what was stored; one query where `imported` is not there yet."""
    stored = experiment.imported
    return report_of(
        metrics=[ImportedMetric(**metric) for metric in stored.metrics],
        primary=stored.primary,
        arms=read(stored.arms),
        alpha=experiment.alpha,
    )


def _plan(description: Description, report: ImportedReport) -> dict[str, object]:
    ended = datetime.combine(description.ended_on, time(), tzinfo=UTC)
    winner = report.verdict.status == "winner"
    metric = Experiment.Metric.CONVERSION if report.primary.kind == "rate" else Experiment.Metric.REVENUE
    return {
        "key": description.key,
        "name": description.name,
        "hypothesis": description.hypothesis,
        "learnings": description.learnings,
        "salt": "imported",
        "tests": Experiment.Tests.OTHER,
        "primary_metric": metric,
        "conversion_window_days": description.window_days,
        "alpha": description.alpha,
        "guardrails": [],
        "started_at": ended - timedelta(days=description.window_days),
        "decided_at": min(ended, now()),
        "decided_variant": _best_arm(report).key if winner else "",
    }


def _only_look(experiment: Experiment, report: ImportedReport) -> dict[str, object]:
    """The look that decided: one, at the end."""
    return {
        "experiment": experiment,
        "number": 1,
        "is_final": True,
        "due_at": experiment.decided_at,
        "state": Look.State.TAKEN,
        "taken_at": experiment.decided_at,
        "fraction": 1.0,
        "nominal_alpha": experiment.alpha,
        "status": report.verdict.status,
        "sentence": report.verdict.sentence,
        "is_deciding": True,
    }


def _best_arm(report: ImportedReport) -> ImportedArm:
    """The arm that does best on the primary metric among those that beat the control."""
    primary = [one for one in report.comparisons if one.metric == report.primary and one.significant]
    return max(primary, key=lambda one: one.difference.estimate).treatment


def _variants(experiment: Experiment, report: ImportedReport, control_gets_no_mail: bool) -> list[Variant]:
    control = Variant.Role.NO_MAIL if control_gets_no_mail else Variant.Role.BASELINE
    return [
        Variant(
            experiment=experiment,
            key=arm.key,
            name=arm.name,
            role=Variant.Role.TREATMENT if position else control,
            weight=weight,
            position=position,
        )
        for position, (arm, weight) in enumerate(zip(report.arms, _weights(report.arms), strict=True))
    ]


def _weights(arms: Sequence[ImportedArm]) -> list[int]:
    """Shares in basis points that add up to 10,000; what rounding leaves goes to the largest."""
    shares = [arm.share if arm.share is not None else float(arm.n) for arm in arms]
    weights = [max(round(share / sum(shares) * WHOLE), 1) for share in shares]
    weights[weights.index(max(weights))] += WHOLE - sum(weights)
    return weights
