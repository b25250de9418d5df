"""Who mail comes from: the senders, how they are set up, whether they work and what their domains say."""

from typing import cast

from django.contrib import messages
from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from accounts.permissions import administrators_only, editors_only
from common.pagination import cursor_page
from delivery import domain_checks, letters, tasks, warming
from delivery.backends import WAYS
from delivery.models import Letter, Sender, SenderCheck
from delivery.sender_forms import SenderForm

LETTERS_SHOWN = 5


@require_safe
def senders(request: HttpRequest) -> HttpResponse:
    """List the senders with what was last found about their domains."""
    newest = SenderCheck.objects.filter(sender=OuterRef("pk"), finished_at__isnull=False).order_by("-pk")
    found = Sender.objects.annotate(
        findings=Subquery(newest.values("findings")[:1]),
        checked_at=Subquery(newest.values("finished_at")[:1]),
    )
    page = cursor_page(found, cursor=request.GET.get("cursor", ""))
    return render(request, "delivery/senders.html", {"page": page})


@require_safe
def sender(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one sender; htmx asks for the part that changes while something is looked up or sent."""
    found = get_object_or_404(Sender, pk=pk)
    tests = list(
        found.letters.filter(kind=Letter.Kind.TEST).select_related("user").order_by("-pk")[:LETTERS_SHOWN]
    )
    waiting = found.checks.filter(finished_at=None).first()
    is_waiting = waiting is not None or any(one.ended_at is None for one in tests)
    context = {
        "sender": found,
        "tests": tests,
        "waiting": waiting,
        "check": found.checks.exclude(finished_at=None).order_by("-pk").first(),
        "is_waiting": is_waiting,
        **_plan(found),
    }
    part = "#state" if request.headers.get("HX-Request") else ""
    return render(request, f"delivery/sender.html{part}", context)


def _plan(sender: Sender) -> dict[str, object]:
    """Where its warm-up stands, how much waits, and on which day the last of it leaves by the plan."""
    stand = warming.stand_of(sender.pk)
    if stand is None or stand.limit is None:
        return {"stand": stand}
    waiting = warming.waiting_mails(sender.pk)
    is_more = waiting > warming.MOST_COUNTED
    last_day = None if is_more else stand.last_day_of(waiting)
    return {
        "stand": stand,
        "waiting": min(waiting, warming.MOST_COUNTED),
        "is_more": is_more,
        "last_day": last_day,
        "coming": stand.limits[stand.step + 1 : stand.step + 6],
    }


@administrators_only
@require_safe
def new_sender(request: HttpRequest) -> HttpResponse:
    """Choose the way out first: what is asked next depends on it."""
    return render(request, "delivery/sender_way.html", {"ways": Sender.Backend.choices})


@administrators_only
@require_http_methods(["GET", "HEAD", "POST"])
def new_sender_by(request: HttpRequest, way: str) -> HttpResponse:
    """Set up a sender by one way out."""
    return _edited(request, sender=Sender(), way=way)


@administrators_only
@require_http_methods(["GET", "HEAD", "POST"])
def edit_sender(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a sender, or (`?way=`) the way by which its mail leaves."""
    found = get_object_or_404(Sender, pk=pk)
    return _edited(request, sender=found, way=request.GET.get("way", "") or found.backend)


@editors_only
@require_POST
def test_sender(request: HttpRequest, pk: int) -> HttpResponse:
    """Send the colleague who asks a mail from this sender."""
    letters.send_test(get_object_or_404(Sender, pk=pk), to=cast(User, request.user))
    transaction.on_commit(tasks.send_letters.delay, robust=True)
    return redirect("delivery:sender", pk)


@editors_only
@require_POST
def check_sender(request: HttpRequest, pk: int) -> HttpResponse:
    """Look at what DNS says about the sender's domain."""
    domain_checks.ask(get_object_or_404(Sender, pk=pk))
    transaction.on_commit(tasks.check_domains.delay, robust=True)
    return redirect("delivery:sender", pk)


def _edited(request: HttpRequest, *, sender: Sender, way: str) -> HttpResponse:
    if way not in WAYS:
        raise Http404("There is no such way out.")
    form = SenderForm(request.POST if request.method == "POST" else None, sender=sender, way=way)
    if form.is_valid():
        saved = form.save()
        messages.success(request, "Stored. Send yourself a test, and look at the domain.")
        return redirect("delivery:sender", saved.pk)
    context = {
        "form": form,
        "sender": sender,
        "way": Sender.Backend(way).label,
        "ways": Sender.Backend.choices,
    }
    return render(request, "delivery/sender_form.html", context, status=400 if form.is_bound else 200)
