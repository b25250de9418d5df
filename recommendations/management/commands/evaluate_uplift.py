"""Judge on any file of a randomised experiment whether it can be told who acts because of the treatment."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from recommendations.predictions.files import BAD_INPUT, UnreadableFileError, read_table
from recommendations.predictions.methods.uplift import (
    TooFewTreatedError,
    UpliftJudgement,
    after_treatment,
    evaluate,
)


class Command(BaseCommand):
    help = (
        "Predict from a CSV (gz too) of an experiment for whom the treatment makes a difference. Treatment and "
        "outcome are columns of 0 and 1; all others are what was known of the customer before. "
        "Exit codes: 0 judged, 2 the file or an option cannot be used."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--treatment", required=True, metavar="COLUMN")
        parser.add_argument("--outcome", required=True, metavar="COLUMN")
        parser.add_argument("--drop", nargs="+", action="extend", default=[], metavar="COLUMN")
        parser.add_argument("--json", action="store_true")

    def handle(self, *, file: Path, treatment: str, outcome: str, drop: list[str], **options: Any) -> None:
        if treatment == outcome:
            raise CommandError("Treatment and outcome are the same column.", returncode=BAD_INPUT)
        try:
            table, (treated, happened) = read_table(file, outcomes=[treatment, outcome], drop=drop)
            left_out = after_treatment(table, treated)
            known = table.without(left_out)
            if not known.columns:
                raise UnreadableFileError(
                    f"no column is left to predict from: {', '.join(left_out)} came after"
                )
            judged = evaluate(known, treated, happened)
        except (UnreadableFileError, TooFewTreatedError) as error:
            raise CommandError(f"{file.name}: {error}", returncode=BAD_INPUT) from error
        if options["json"]:
            evidence = {"evidence": judged.has_evidence, "verdict": judged.verdict}
            self.stdout.write(json.dumps({**asdict(judged), **evidence, "left_out": left_out}))
        else:
            self.stdout.write(as_text(judged, left_out))


def as_text(judged: UpliftJudgement, left_out: list[str]) -> str:
    """What a person wants to know."""
    effect, qini = judged.effect, judged.qini
    lines = [
        f"{judged.treated:,} treated, {judged.control:,} not.",
        f"Average effect: {judged.treated_rate:.2%} against {judged.control_rate:.2%}, "
        f"{effect.estimate:+.2%} (95 % interval {effect.low:+.2%} to {effect.high:+.2%}).",
        f"Qini coefficient {qini.estimate:.3f} (95 % interval {qini.low:.3f} to {qini.high:.3f}; 5 folds).",
        judged.verdict,
    ]
    if left_out:
        lines.insert(
            1,
            f"Left out, because the arms differ in them, as only what came after can: {', '.join(left_out)}.",
        )
    ranked = sorted(judged.columns.items(), key=lambda pair: -pair[1]["importance"])
    lines += ["What each column is worth (Qini coefficient lost without it; filled):"]
    lines += [f"  {name}: {one['importance']:+.4f}; {one['fill_rate']:.0%}" for name, one in ranked]
    return "\n".join(lines)
