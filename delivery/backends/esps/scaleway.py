"""Scaleway wants a project, and has no reports that Anymail could read."""

from delivery.backends.esps.esp import Esp
from delivery.backends.fields import Field

ESP = Esp(
    name="scaleway",
    fields=(
        Field(name="secret_key", label="Secret key", is_secret=True),
        Field(name="project_id", label="Project id"),
        Field(name="region", label="Region", default="fr-par"),
    ),
    spf_include="_spf.tem.scaleway.com",
)
