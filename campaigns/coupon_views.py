"""Pages of coupon codes: the pools, and one pool with what is left of it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.permissions import editors_only
from campaigns.coupon_forms import CodesForm, PoolForm
from campaigns.coupons import BadCode, add_codes
from campaigns.models import CouponPool
from common.pagination import cursor_page


@require_safe
def pool_list(request: HttpRequest) -> HttpResponse:
    """All pools of coupon codes."""
    page = cursor_page(CouponPool.objects.all(), cursor=request.GET.get("cursor", ""))
    return render(request, "campaigns/coupons.html", {"page": page})


@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
def pool_new(request: HttpRequest) -> HttpResponse:
    """Make a pool."""
    form = PoolForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return redirect("campaigns:coupon", form.save().key)
    return render(request, "campaigns/coupon_new.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
def pool_detail(request: HttpRequest, key: str) -> HttpResponse:
    """What is left of a pool; more codes are added here."""
    pool = get_object_or_404(CouponPool, key=key)
    form = CodesForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            added = add_codes(pool, form.cleaned_data["codes"].splitlines())
        except BadCode as error:
            form.add_error("codes", str(error))
        else:
            messages.success(request, f"{added:,} new codes are in the pool.")
            return redirect("campaigns:coupon", pool.key)
    given = pool.codes.exclude(message=None).count()
    left = pool.codes.filter(message=None).count()
    return render(
        request, "campaigns/coupon.html", {"pool": pool, "form": form, "given": given, "left": left}
    )
