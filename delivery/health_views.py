"""The page that says how delivery is, and what colleagues may do about it."""

from typing import cast

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from accounts.permissions import requires
from accounts.roles import Permission
from delivery import breaker, domains, steering, warming, watching
from delivery.models import Breaker, Dispatch, DomainPace, Sender, SendWorker
from delivery.pace_forms import DomainPaceForm, SwitchForm
from delivery.turns import due_dispatches

SHOWN = 20


@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """What keeps mail from leaving, what is being sent, who sends, and the paces."""
    return _page(request, SwitchForm(), DomainPaceForm())


@requires(Permission.EDIT)
@require_POST
def stop(request: HttpRequest) -> HttpResponse:
    """Turn the kill switch on, for a reason."""
    form = SwitchForm(request.POST)
    if not form.is_valid():
        return _page(request, form, DomainPaceForm(), status=400)
    steering.stop_everything(reason=form.cleaned_data["reason"], by=cast(User, request.user))
    request.is_audited = True  # type: ignore[attr-defined]
    messages.success(request, "All sending is stopped. What is being handed over this second still goes out.")
    return redirect("delivery:health")


@requires(Permission.LAUNCH)
@require_POST
def allow(request: HttpRequest) -> HttpResponse:
    """Turn it off: everything that was stopped goes on."""
    form = SwitchForm(request.POST)
    if not form.is_valid():
        return _page(request, form, DomainPaceForm(), status=400)
    steering.allow_everything(reason=form.cleaned_data["reason"], by=cast(User, request.user))
    request.is_audited = True  # type: ignore[attr-defined]
    messages.success(request, "Sending is allowed again; what was stopped goes on within seconds.")
    return redirect("delivery:health")


@requires(Permission.EDIT)
@require_POST
def set_pace(request: HttpRequest) -> HttpResponse:
    """Set the rate of a domain, or take its own rate away."""
    form = DomainPaceForm(request.POST)
    if not form.is_valid():
        return _page(request, SwitchForm(), form, status=400)
    form.store()
    messages.success(request, f"The pace of {form.cleaned_data['domain']} is kept.")
    return redirect("delivery:health")


@requires(Permission.LAUNCH)
@require_POST
def wake(request: HttpRequest, domain: str) -> HttpResponse:
    """End the rest of a domain."""
    if domains.wake(domain):
        messages.success(request, f"Mail to {domain} goes out again. What waits already keeps its time.")
    else:
        messages.error(request, f"{domain} does not rest.")
    return redirect("delivery:health")


@requires(Permission.LAUNCH)
@require_POST
def try_now(request: HttpRequest, pk: int) -> HttpResponse:
    """Try a sender's provider at once, with one mail."""
    sender = get_object_or_404(Sender, pk=pk)
    if breaker.try_now(pk):
        messages.success(request, f"The provider of {sender.name} is tried with the next mail.")
    else:
        messages.error(request, f"The provider of {sender.name} takes mail as usual.")
    return redirect("delivery:health")


def _page(
    request: HttpRequest, switch_form: SwitchForm, pace_form: DomainPaceForm, *, status: int = 200
) -> HttpResponse:
    """The page in sixteen queries, however much there is."""
    due = due_dispatches()
    sending = Dispatch.objects.select_related("sender").filter(pk__in=due[:SHOWN]).in_bulk()
    context = {
        "switch": steering.kill_switch(),
        "blockers": watching.blockers(),
        "sending": [sending[one] for one in due[:SHOWN] if one in sending],
        "due_count": len(due),
        "refusing": Breaker.objects.select_related("sender").order_by("since")[:SHOWN],
        "workers": SendWorker.objects.select_related("dispatch").order_by("-seen_at")[:SHOWN],
        "paces": Paginator(DomainPace.objects.order_by("domain"), 25).get_page(request.GET.get("page")),
        "plans": _plans(),
        "switch_form": switch_form,
        "pace_form": pace_form,
    }
    return render(request, "delivery/health.html", context, status=status)


def _plans() -> list[tuple[Sender, warming.Stand]]:
    """The senders that are warming up, and where each stands today; two queries."""
    stands = warming.stands()
    senders = Sender.objects.filter(pk__in=stands).order_by("name", "pk")[:SHOWN]
    return [(sender, stands[sender.pk]) for sender in senders]
