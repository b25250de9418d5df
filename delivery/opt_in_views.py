"""Signing up for mail, with a confirmation. Public: anybody may ask, only the owner of the address may confirm."""

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from common import callers
from customers import opt_in
from customers.models import OptIn
from delivery import letters, tasks
from delivery.forms import SignUpForm
from delivery.letters import NoSender

A_PERSON, AN_OFFICE = 10, 50
"""How many sign-ups an hour one address, and one network, may send."""
_DEAD = "This link is not one of ours, or is more than seven days old. Please fill in the form again."


@require_http_methods(["GET", "HEAD", "POST"])
@login_not_required
def sign_up(request: HttpRequest) -> HttpResponse:
    """The form; whoever sends it reads the same answer, whatever we know about the address."""
    form = SignUpForm(request.POST if request.method == "POST" else None)
    if form.is_bound and not callers.is_within(request, "sign-up", by_address=A_PERSON, by_network=AN_OFFICE):
        form.add_error(None, "Too many sign-ups came from here. Please try again in an hour.")
        return render(request, "delivery/sign_up.html", {"form": form}, status=429)
    if not form.is_valid():
        return render(request, "delivery/sign_up.html", {"form": form}, status=400 if form.is_bound else 200)
    try:
        _ask(form)
    except (opt_in.TooMany, NoSender):
        form.add_error(None, "We cannot send mail just now. Please try again in a few minutes.")
        return render(request, "delivery/sign_up.html", {"form": form}, status=503)
    return render(request, "delivery/sign_up.html", {"is_asked": True})


@transaction.atomic
def _ask(form: SignUpForm) -> None:
    """Store the request and queue its mail, both or neither."""
    asked = opt_in.ask(form.cleaned_data["email"], texts=form.agreed, source="sign-up form")
    if asked is not None:
        letters.ask_to_confirm(asked)
        transaction.on_commit(tasks.send_letters.delay, robust=True)


@require_http_methods(["GET", "HEAD", "POST"])
@login_not_required
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Ask first (GET changes nothing: scanners follow links), then grant what was asked for."""
    asked = opt_in.find(token)
    if asked is None:
        raise Http404(_DEAD)
    is_done = asked.confirmed_at is not None
    if request.method == "POST" and not is_done:
        try:
            opt_in.confirm(asked)
        except OptIn.DoesNotExist as error:
            raise Http404(_DEAD) from error
        is_done = True
    return render(request, "delivery/confirm.html", {"asked": asked, "is_done": is_done})
