"""The cells of a quarantined row, as a form."""

from collections.abc import Mapping
from typing import Any

from django import forms

LONGEST_CELL = 10_000


class CellsForm(forms.Form):
    """One text field for each cell; the fields' names are positions, for a column may be named anything."""

    def __init__(self, *args: Any, cells: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._columns = {f"cell{position}": column for position, column in enumerate(cells)}
        for name, column in self._columns.items():
            self.fields[name] = forms.CharField(
                label=column, initial=cells[column], required=False, strip=False, max_length=LONGEST_CELL
            )

    def mended(self) -> dict[str, str]:
        """The cells by column, as entered."""
        return {column: self.cleaned_data[name] for name, column in self._columns.items()}
