"""Customers, templates and drafts for the tests of campaigns, reports and flows."""

from collections.abc import Mapping, Sequence
from typing import Any

from campaigns.arm_forms import posted
from campaigns.forms import CampaignForm
from campaigns.launching import Launched, launch
from campaigns.models import Campaign, Template, TemplateVersion
from campaigns.publishing import publish_template
from customers.consent import grant
from customers.models import Customer
from delivery.models import Sender
from products.models import Product
from recommendations.models import PopularProducts
from recommendations.strategies import BESTSELLERS
from rules.models import RuleSet, RuleSetVersion
from rules.versions import publish_document
from segments.models import Segment

BRITISH = {"attribute": "country", "value": "GB"}
LETTER = """<mjml><mj-body><mj-section><mj-column>
{body}
<mj-text><a href="{{{{ unsubscribe_url }}}}">Unsubscribe</a> {{{{ sender.postal_address }}}}</mj-text>
</mj-column></mj-section></mj-body></mjml>"""
BODY = '<mj-text>Hello <a href="https://shop.example/">there</a></mj-text>'


def people(count: int, *, consenting: bool = True, **fields: object) -> list[Customer]:
    """British customers with addresses; they agreed to mail unless told otherwise."""
    first = Customer.objects.count()
    made = Customer.objects.bulk_create(
        Customer(**{"email": f"c{first + n}@example.com", "country": "GB", **fields}) for n in range(count)
    )
    if consenting:
        grant([one.pk for one in made], source="test")
    return made


def bestsellers(count: int) -> list[Product]:
    """Products, all of them bestsellers everywhere, best first."""
    made = Product.objects.bulk_create(
        Product(
            source="shop",
            external_id=f"p{number}",
            name=f"Product {number}",
            price_minor=1_000 + number,
            currency="EUR",
            url=f"https://shop.example/p{number}",
            image_url=f"/media/products/{number}.png",
        )
        for number in range(count)
    )
    PopularProducts.objects.create(
        country="",
        product_ids=[one.pk for one in made],
        scores=[1.0] * count,
        computed_at=made[0].created_at,
    )
    return made


def letter(key: str, body: str = BODY, *, subject: str = "News") -> TemplateVersion:
    """A published template with this body."""
    template, _ = Template.objects.get_or_create(key=key, defaults={"name": key})
    return publish_template(template, subject=subject, preheader="", mjml=LETTER.format(body=body))


def draft(
    name: str = "Spring",
    *,
    no_mail: int = 0,
    body: str = BODY,
    baseline: str = BODY,
    strategy: str = "for_you",
    baseline_percent: int = 50,
    arms: Sequence[Mapping[str, object]] = (),
    **fields: object,
) -> Campaign:
    """A draft to all British customers, half of those mailed in each arm unless told otherwise.

    `arms` without a template have the treatment's.
    """
    segment, _ = Segment.objects.get_or_create(key="british", name="British", defaults={"condition": BRITISH})
    sender, _ = Sender.objects.get_or_create(
        from_email="news@shop.example", name="Shop", from_name="Shop", rate_per_second=100_000
    )
    template = letter("treatment", body).pk
    form = CampaignForm(
        form_data(name, segment=segment, sender=sender, no_mail=no_mail)
        | {
            "baseline_template": letter("baseline", baseline).pk,
            "baseline_percent": baseline_percent,
            **fields,
        }
        | posted([{"template": template, **one} for one in arms or [arm("Personalised", strategy=strategy)]])
    )
    assert form.is_valid(), (form.errors, form.arms.errors, form.arms.non_form_errors())
    return form.save(by=None)


def arm(name: str, *, percent: object = 100, **fields: object) -> dict[str, object]:
    """What a marketer enters about a mailed arm."""
    return {"name": name, "percent": percent, "strategy": "for_you", **fields}


def form_data(name: str, *, segment: Segment, sender: Sender, no_mail: int = 0) -> dict[str, object]:
    """What a marketer enters, the templates apart."""
    return {
        "name": name,
        "segment": segment.pk,
        "sender": sender.pk,
        "primary_metric": "conversion",
        "no_mail_percent": no_mail,
        "baseline_percent": 50,
        "baseline_strategy": BESTSELLERS,
    }


def launched(name: str = "Spring", **options: Any) -> tuple[Campaign, Launched]:
    """A launched campaign with what its launch counted."""
    campaign = draft(name, **options)
    counted = launch(campaign.pk)
    campaign.refresh_from_db()
    return campaign, counted


def rules(*written: dict[str, object], otherwise: dict[str, object], slot: str = "hero") -> RuleSetVersion:
    """A live rule set of these rules."""
    rule_set = RuleSet.objects.create(key=slot, name=slot, slot=slot)
    return publish_document(rule_set, {"rules": list(written), "otherwise": otherwise})


def ids(customers: Sequence[Customer]) -> list[int]:
    """Their primary keys."""
    return [one.pk for one in customers]
