"""Acts on the recommender's versions: cancelling a training, and going one step back."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts.permissions import requires
from accounts.roles import Permission
from recommendations import leases, progress, registry, tasks
from recommendations.models import ModelVersion


@require_POST
@requires(Permission.TRAIN)
def cancel(request: HttpRequest) -> HttpResponse:
    """Stop the training under way."""
    if leases.cancel(ModelVersion):
        progress.forget()
        messages.success(request, "The training stops at its next step. What was in use stays in use.")
    else:
        messages.info(
            request, "No training can be stopped: none is under way, or its rows are being written."
        )
    return redirect("recommendations:overview")


@require_POST
@requires(Permission.EDIT)
def go_back(request: HttpRequest) -> HttpResponse:
    """Queue putting the version before into use again."""
    champion = registry.champion()
    before = leases.one_before(champion) if champion is not None else None
    if progress.current() is not None:
        messages.info(request, "A training is under way; wait until it has finished, or cancel it.")
    elif champion is None or before is None:
        messages.info(request, "There is no version to go back to.")
    else:
        pair = {"champion_id": champion.pk, "before_id": before.pk}
        progress.note_going_back()
        transaction.on_commit(lambda: tasks.go_back_to_the_version_before.delay(**pair))
        messages.success(
            request, f"{before} is made again in the background; until then {champion} stays in use."
        )
    return redirect("recommendations:overview")
