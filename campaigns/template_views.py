"""Pages of templates: the list, the versions, writing one, looking at it as a customer."""

from typing import cast

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.html import format_html
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_http_methods, require_safe

from accounts.audit import shows_people
from accounts.models import User
from accounts.permissions import editors_only
from campaigns.forms import TemplateForm
from campaigns.models import Template, TemplateVersion
from campaigns.previewing import arm_shown, preview
from campaigns.publishing import TemplateRefused, publish_template
from campaigns.templating.render import Rendered, RenderFailed
from campaigns.templating.snippets import PLACES, snippets_for
from campaigns.version_saving import follows, new_key, say_findings
from customers.models import Customer

LOOKS = {"desktop": "640 px", "phone": "375 px", "dark": "Dark"}
"""How a preview is looked at: two widths, and colours turned round as some programs do at night."""
LONGEST_EMAIL = 320
LONGEST_NUMBER = 18
PREVIEW_POLICY = (
    f"default-src 'none'; img-src 'self' data: https: {settings.BASE_URL}; "
    "style-src 'unsafe-inline'; sandbox; frame-ancestors 'self'"
)
_DARK = (
    "<style>html{background:#fff;filter:invert(1) hue-rotate(180deg)}"
    "img,video{filter:invert(1) hue-rotate(180deg)}</style>"
)


@require_safe
def template_list(request: HttpRequest) -> HttpResponse:
    """All templates with their newest version."""
    templates = Template.objects.prefetch_related("versions")
    return render(request, "campaigns/templates.html", {"templates": templates})


@shows_people("looked at a template")
@require_safe
def template_detail(request: HttpRequest, key: str) -> HttpResponse:
    """One template: a preview of a version as a customer (`version`, `customer`, `look`), and its history."""
    template = get_object_or_404(Template, key=key)
    versions = template.versions.select_related("author")
    number = whole_number(request.GET.get("version", ""))
    version = (versions if number is None else versions.filter(number=number)).first()
    email = request.GET.get("customer", "").replace("\0", "").strip()[:LONGEST_EMAIL]
    customer = Customer.objects.filter(email__iexact=email).first() if email else None
    look = request.GET.get("look", "")
    return render(
        request,
        "campaigns/template.html",
        {
            "words": _words(version, customer) if version else None,
            "looks": LOOKS,
            "look": look if look in LOOKS else "desktop",
            "template": template,
            "versions": versions,
            "version": version,
            "arm": arm_shown(version) if version else None,
            "email": email,
            "customer": customer,
            "is_unknown": bool(email) and customer is None,
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
def template_new(request: HttpRequest) -> HttpResponse:
    """Write the first version of a template."""
    form = TemplateForm(request.POST or None)
    is_sent = request.method == "POST" and form.is_valid()
    if is_sent and (key := new_key(form, Template.objects.all(), what="template")):
        return _publish(request, form, Template(key=key, name=form.cleaned_data["name"]))
    return render(
        request,
        "campaigns/template_edit.html",
        {"form": form, "template": None, "snippets": snippets_for(*PLACES)},
    )


@require_http_methods(["GET", "HEAD", "POST"])
@editors_only
@transaction.atomic
def template_edit(request: HttpRequest, key: str) -> HttpResponse:
    """Write the next version of a template."""
    template = get_object_or_404(Template.objects.select_for_update(), key=key)
    form = TemplateForm(request.POST) if request.method == "POST" else TemplateForm.of(template)
    if request.method == "POST" and form.is_valid():
        newest = template.versions.select_related("author").first()
        if follows(form, newest):
            return _publish(request, form, template)
    context = {"form": form, "template": template, "snippets": snippets_for(*PLACES)}
    return render(request, "campaigns/template_edit.html", context)


@shows_people("looked at a preview")
@require_safe
@xframe_options_sameorigin
def template_preview(request: HttpRequest, pk: int) -> HttpResponse:
    """The rendered HTML by itself, sandboxed, for the frame of the template's page."""
    version = get_object_or_404(TemplateVersion.everything, pk=pk)
    asked = request.GET.get("customer", "")
    customer = get_object_or_404(Customer, pk=whole_number(asked)) if asked else None
    try:
        shown = preview(version, customer_id=customer.pk if customer else None)
        html = "<p>A rule suppresses this mail for this customer: nothing would be sent.</p>"
        if not shown.is_suppressed:
            html = shown.rendered.html
            if request.GET.get("look") == "dark":
                html += _DARK
    except RenderFailed as error:
        html = format_html("<p>This template cannot be rendered for this customer: {}</p>", str(error))
    response = HttpResponse(html)
    response["Content-Security-Policy"] = PREVIEW_POLICY
    return response


def _words(version: TemplateVersion, customer: Customer | None) -> Rendered | None:
    """What the preview says beside its HTML; None where it cannot be rendered, which the frame explains."""
    try:
        return preview(version, customer_id=customer.pk if customer else None).rendered
    except RenderFailed:
        return None


def whole_number(text: str) -> int | None:
    """The number that a text says; None for any other text, and for more digits than an id has."""
    return int(text) if text.isdecimal() and len(text) <= LONGEST_NUMBER else None


def _publish(request: HttpRequest, form: TemplateForm, template: Template) -> HttpResponse:
    """Store a version; on errors show the form with each finding at its field."""
    data = form.cleaned_data
    is_new = template.pk is None
    try:
        if is_new:
            template.save()
        publish_template(
            template,
            subject=data["subject"],
            preheader=data["preheader"],
            mjml=data["mjml"],
            text=data["text"],
            author=cast(User, request.user),
            note=data["note"],
        )
    except TemplateRefused as refused:
        if is_new:
            template.delete()
        say_findings(form, refused)
        context = {"form": form, "template": None if is_new else template, "snippets": snippets_for(*PLACES)}
        return render(request, "campaigns/template_edit.html", context)
    return redirect("campaigns:template", template.key)
