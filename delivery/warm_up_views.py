"""A sender's warm-up plan, and the own rate of a campaign or journey."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.permissions import administrators_only, editors_only
from delivery import warming
from delivery.models import Dispatch, Sender
from delivery.warm_up_forms import RateForm, WarmUpForm


@administrators_only
@require_http_methods(["GET", "HEAD", "POST"])
def warm_up(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a sender a plan, or change the one it has: it goes on where it stands, or begins anew."""
    sender = get_object_or_404(Sender, pk=pk)
    stand = warming.stand_of(pk)
    limits = stand.limits if stand else warming.STANDARD
    initial = {"daily_limits": " ".join(map(str, limits))}
    posted = request.POST if request.method == "POST" else None
    form = WarmUpForm(posted, initial=initial, has_plan=stand is not None)
    if form.is_valid() and (planned := _planned(sender, form)):
        day = f"day {planned.step + 1} of {len(planned.limits)}"
        messages.success(request, f"{sender.name} sends by this plan from now on: today is {day}.")
        return redirect("delivery:sender", pk)
    context = {"form": form, "sender": sender, "stand": stand}
    return render(request, "delivery/warm_up.html", context, status=400 if form.is_bound else 200)


def _planned(sender: Sender, form: WarmUpForm) -> warming.Stand | None:
    """Plan as the form says; None if that cannot be, and the form tells why."""
    said = form.cleaned_data
    try:
        return warming.plan(sender, said["daily_limits"], is_begun_anew=said.get("begins_anew", False))
    except warming.TooShortError as error:
        form.add_error("daily_limits", str(error))
        return None


@administrators_only
@require_POST
def end_warm_up(request: HttpRequest, pk: int) -> HttpResponse:
    """Take the plan away: the sender's rate alone limits it then."""
    sender = get_object_or_404(Sender, pk=pk)
    if warming.end(sender):
        messages.success(request, f"The plan of {sender.name} is ended: there is no daily limit any more.")
    else:
        messages.error(request, f"{sender.name} has no plan.")
    return redirect("delivery:sender", pk)


@editors_only
@require_POST
def set_rate(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a campaign or journey a rate of its own, or take it away."""
    dispatch = get_object_or_404(Dispatch, pk=pk)
    form = RateForm(request.POST)
    if form.is_valid():
        rate = form.cleaned_data["rate_per_second"]
        Dispatch.objects.filter(pk=pk).update(rate_per_second=rate)
        said = f"at most {rate:,} a second" if rate else "as fast as its sender may"
        messages.success(request, f"{dispatch.name} goes out {said}.")
    else:
        messages.error(request, "A rate is a whole number from 1, or nothing.")
    return redirect("delivery:health")
