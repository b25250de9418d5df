"""Pairs of profiles that may be one person: the list, the comparison, the decision; merges and taking them back."""

from typing import cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.audit import shows_people
from accounts.models import User
from accounts.permissions import editors_only
from common.pagination import cursor_page
from customers import duplicates
from customers.comparing import compare
from customers.merging import MergeRefused
from customers.models import Customer, CustomerIdentity, DuplicatePair, Merge
from customers.undoing import detach, undo


@shows_people("looked at suspected duplicates")
@require_safe
def duplicate_list(request: HttpRequest) -> HttpResponse:
    """Pairs that wait for a decision, the newest first."""
    pairs = DuplicatePair.objects.waiting().select_related("first__facts", "second__facts")
    page = cursor_page(pairs, cursor=request.GET.get("cursor", ""), size=25)
    return render(request, "customers/duplicates.html", {"page": page, "waiting": duplicates.waiting_count()})


@shows_people("looked at a suspected duplicate")
@require_safe
def duplicate(request: HttpRequest, pk: int) -> HttpResponse:
    """One pair side by side."""
    pair = get_object_or_404(
        DuplicatePair.objects.select_related("first__facts", "second__facts", "decided_by"), pk=pk
    )
    return render(request, "customers/duplicate.html", {"comparison": compare(pair)})


@require_POST
@editors_only
def decide(request: HttpRequest, pk: int) -> HttpResponse:
    """Merge the two, or remember that they are different people; then on to the list."""
    pair = get_object_or_404(DuplicatePair, pk=pk)
    try:
        if request.POST.get("decision") == "merge":
            row = duplicates.merge_pair(pair.pk, by=_user(request).pk)
            messages.success(
                request, f"Merged. {row.survivor} can be taken apart again on the profile's page."
            )
        else:
            duplicates.keep_apart(pair.pk, by=_user(request).pk)
            messages.success(request, "Remembered: these are different people.")
    except MergeRefused as error:
        messages.warning(request, str(error))
    return redirect("customers:duplicates")


@require_POST
@editors_only
def undo_merge(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a merge back; then to the profile that stood."""
    row = get_object_or_404(Merge.objects.select_related("survivor"), pk=pk)
    try:
        undo(row.pk, by=_user(request).pk)
        messages.success(request, "Taken back: they are two people again.")
    except MergeRefused as error:
        messages.warning(request, str(error))
    return _to_profile(row.survivor)


@require_POST
@editors_only
def detach_identity(request: HttpRequest, pk: int) -> HttpResponse:
    """Give an id that came with the customer's address a profile of its own; then to that."""
    identity = get_object_or_404(CustomerIdentity.objects.select_related("customer"), pk=pk)
    try:
        new = detach(identity.pk, by=_user(request).pk)
    except MergeRefused as error:
        messages.warning(request, str(error))
        return _to_profile(identity.customer)
    messages.success(request, "This id has a profile of its own now, with what its source told.")
    return _to_profile(new)


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)


def _to_profile(customer: Customer) -> HttpResponse:
    return redirect("reports:customer", customer.public_id)
