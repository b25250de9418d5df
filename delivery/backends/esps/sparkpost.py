"""SparkPost has one host for each region."""

from delivery.backends.esps.esp import Esp
from delivery.backends.fields import Field

ESP = Esp(
    name="sparkpost",
    fields=(
        Field(name="api_key", label="API key", is_secret=True),
        Field(
            name="api_url",
            label="Region",
            default="https://api.sparkpost.com/api/v1/",
            choices=(
                ("https://api.sparkpost.com/api/v1/", "United States"),
                ("https://api.eu.sparkpost.com/api/v1/", "European Union"),
            ),
        ),
        Field(name="subaccount", label="Subaccount", is_required=False),
    ),
    spf_include="sparkpostmail.com",
)
