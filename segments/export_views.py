"""Taking the members of a segment away as a file."""

from django import forms
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_http_methods

from accounts.permissions import requires
from accounts.roles import Permission
from segments.exporting import COLUMNS, STANDARD, export_lines
from segments.models import Segment

_MOST_ATTRIBUTES = 20


class ExportForm(forms.Form):
    """Which columns the file gets."""

    columns = forms.MultipleChoiceField(
        label="Columns", choices=list(COLUMNS.items()), widget=forms.CheckboxSelectMultiple, required=False
    )
    attributes = forms.CharField(
        label="Attributes of your own",
        required=False,
        max_length=1000,
        help_text="Their names, separated by commas, such as <code>club, shoe_size</code>.",
    )

    def chosen(self) -> list[str]:
        """The names that `export_lines` takes, in the order of the page."""
        own = [name.strip() for name in self.cleaned_data["attributes"].split(",") if name.strip()]
        wanted = [name for name in COLUMNS if name in self.cleaned_data["columns"]]
        return [*wanted, *(f"attributes.{name}" for name in own[:_MOST_ATTRIBUTES])]


@require_http_methods(["GET", "HEAD", "POST"])
@requires(Permission.DOWNLOAD)
def segment_export(request: HttpRequest, key: str) -> HttpResponseBase:
    """Ask which columns, then send the file while it is read from the database."""
    segment = get_object_or_404(Segment, key=key)
    form = ExportForm(request.POST or None, initial={"columns": STANDARD})
    if request.method == "POST" and form.is_valid():
        try:
            lines = export_lines(segment, form.chosen())
        except ValueError as error:
            form.add_error("columns", str(error))
        else:
            return StreamingHttpResponse(
                lines,
                content_type="text/csv; charset=utf-8",
                headers={"Content-Disposition": f'attachment; filename="{segment.key}.csv"'},
            )
    return render(request, "segments/export.html", {"segment": segment, "form": form})
