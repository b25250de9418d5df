"""The form in which blocks are written."""

from django import forms

from campaigns.models import Block


class BlockForm(forms.Form):
    """A new version of a block, and for a new block its name."""

    name = forms.CharField(max_length=200)
    mjml = forms.CharField(
        label="Content (MJML with Liquid)",
        widget=forms.Textarea(attrs={"rows": 16, "spellcheck": "false", "class": "font-monospace"}),
        strip=False,
        help_text="Elements that may stand in an mj-column, like mj-text, mj-image and mj-button.",
    )
    note = forms.CharField(max_length=300, required=False, help_text="What changed, for the history.")
    base = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)

    @classmethod
    def of(cls, block: Block) -> "BlockForm":
        """Start from the newest version."""
        newest = block.newest
        initial = {"mjml": newest.mjml, "base": newest.number} if newest else {"base": 0}
        return cls(initial={"name": block.name, **initial})

    def follow(self, number: int) -> None:
        """Let what was written follow this version when it is sent again."""
        self.data = {name: self.data[name] for name in self.data} | {"base": str(number)}
