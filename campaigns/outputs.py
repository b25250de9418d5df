"""Which values a template shows without a default of its own: where one is missing, a gap is read."""

import re
from collections.abc import Iterable
from functools import lru_cache

from campaigns.models import BlockVersion, CampaignVariant
from campaigns.publishing import compiled_of

_OUTPUT = re.compile(r"{{-?\s*([\w.\[\]\"'-]+)\s*(\|[^}]*)?-?}}")
_DEFAULT = re.compile(r"\|\s*default\b")


def shown_bare(content: CampaignVariant, blocks: Iterable[BlockVersion]) -> frozenset[str]:
    """Return the paths that an arm's template, or any of the blocks, shows without `default`."""
    compiled = compiled_of(content.template_version_id)
    texts = (compiled.subject, compiled.preheader, compiled.html, compiled.text)
    found = [_bare(text) for text in (*texts, *(block.compiled_html for block in blocks))]
    return frozenset[str]().union(*found)


@lru_cache(maxsize=256)
def _bare(text: str) -> frozenset[str]:
    return frozenset(match[1] for match in _OUTPUT.finditer(text) if not _DEFAULT.search(match[2] or ""))
