"""Pages of blocks: the list, the versions of one, writing one, looking at it as a customer."""

from typing import cast

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.html import format_html
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_http_methods, require_safe

from accounts.audit import shows_people
from accounts.models import User
from accounts.permissions import editors_only
from campaigns.block_forms import BlockForm
from campaigns.content import block_for
from campaigns.models import Block, BlockVersion
from campaigns.publishing import TemplateRefused, save_block
from campaigns.template_views import LONGEST_EMAIL, PREVIEW_POLICY, whole_number
from campaigns.templating.render import RenderFailed
from campaigns.templating.snippets import snippets_for
from campaigns.version_saving import follows, new_key, say_findings
from common.pagination import cursor_page
from customers.models import Customer


@require_safe
def block_list(request: HttpRequest) -> HttpResponse:
    """All blocks with their newest version."""
    blocks = Block.objects.select_related("newest__author").order_by("name", "pk")
    page = cursor_page(blocks, cursor=request.GET.get("cursor", ""))
    return render(request, "campaigns/blocks.html", {"page": page})


@shows_people("looked at a block")
@require_safe
def block_detail(request: HttpRequest, key: str) -> HttpResponse:
    """One block: a preview of a version as a customer (`version`, `customer`), and its history."""
    block = get_object_or_404(Block, key=key)
    versions = block.versions.select_related("author", "block")
    number = whole_number(request.GET.get("version", ""))
    email = request.GET.get("customer", "").replace("\0", "").strip()[:LONGEST_EMAIL]
    customer = Customer.objects.filter(email__iexact=email).first() if email else None
    context = {
        "shown": block,
        "page": cursor_page(versions, cursor=request.GET.get("cursor", "")),
        "version": (versions if number is None else versions.filter(number=number)).first(),
        "email": email,
        "customer": customer,
        "is_unknown": bool(email) and customer is None,
    }
    return render(request, "campaigns/block.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
def block_new(request: HttpRequest) -> HttpResponse:
    """Write the first version of a block."""
    form = BlockForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        key = new_key(form, Block.objects.all(), what="block")
        if key and _save(request, form, key):
            return redirect("campaigns:block", key)
    context = {"form": form, "block": None, "snippets": snippets_for("text", "column")}
    return render(request, "campaigns/block_edit.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
@transaction.atomic
def block_edit(request: HttpRequest, key: str) -> HttpResponse:
    """Write the next version of a block."""
    block = get_object_or_404(Block.objects.select_for_update(), key=key)
    form = BlockForm(request.POST) if request.method == "POST" else BlockForm.of(block)
    is_sent = request.method == "POST" and form.is_valid()
    if is_sent and follows(form, block.newest) and _save(request, form, key):
        return redirect("campaigns:block", key)
    context = {"form": form, "block": block, "snippets": snippets_for("text", "column")}
    return render(request, "campaigns/block_edit.html", context)


@shows_people("looked at a preview")
@require_safe
@xframe_options_sameorigin
def block_preview(request: HttpRequest, pk: int) -> HttpResponse:
    """The rendered HTML of a version by itself, sandboxed, for the frame of the block's page."""
    version = get_object_or_404(BlockVersion, pk=pk)
    asked = request.GET.get("customer", "")
    customer = get_object_or_404(Customer, pk=whole_number(asked)) if asked else None
    try:
        html = block_for(version, customer)
    except RenderFailed as error:
        html = format_html("<p>This block cannot be rendered for this customer: {}</p>", str(error))
    response = HttpResponse(html)
    response["Content-Security-Policy"] = PREVIEW_POLICY
    return response


def _save(request: HttpRequest, form: BlockForm, key: str) -> bool:
    """Store a version; on errors say each at its field."""
    data = form.cleaned_data
    author = cast(User, request.user)
    try:
        save_block(key=key, name=data["name"], mjml=data["mjml"], author=author, note=data["note"])
    except TemplateRefused as refused:
        say_findings(form, refused, field="mjml")
        return False
    return True
