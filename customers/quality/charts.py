"""Charts of data health."""

from collections.abc import Sequence

from common.charts import Chart, Series
from customers.models import SyncRun


def runs_chart(runs: Sequence[SyncRun]) -> Chart | None:
    """How the rows of these runs ended, oldest run first; None where no run read anything."""
    shown = [run for run in reversed(runs) if run.rows_in]
    if not shown:
        return None
    return Chart(
        title="How the rows of each run ended",
        kind="column",
        stacked=True,
        category_label="Run",
        categories=[f"{run.source}, {run.started_at:%-d %b %H:%M}" for run in shown],
        series=[
            Series(name="Stored", values=[run.inserted + run.updated for run in shown]),
            Series(name="Known already", values=[run.duplicates + run.unchanged for run in shown]),
            Series(name="Refused or skipped", values=[run.rejected_count + run.skipped for run in shown]),
        ],
    )
