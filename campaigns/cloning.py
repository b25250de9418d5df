"""A campaign once more: a draft with the same plan, an experiment of its own, and nothing of what happened."""

from django.db import transaction
from django.utils.text import slugify

from accounts import audit
from accounts.models import User
from campaigns.field_uses import tell_campaign
from campaigns.models import Campaign, CampaignVariant
from campaigns.seals import LIFE, PLANS
from experiments.models import Experiment, Variant

OWN = LIFE | {"key", "name", "experiment"}
"""What a copy does not take over."""


@transaction.atomic
def clone(
    campaign: Campaign,
    *,
    name: str,
    by: User | None,
    key: str = "",
    same_arms: bool = False,
    newest_templates: bool = False,
) -> Campaign:
    """Store a draft like a campaign. `name` has been checked (see `forms.checked_name`), or `key` is free.

    `same_arms`: whoever is in both audiences is in the same arm; otherwise they are drawn anew.
    """
    key = key or slugify(name)[:100]
    experiment = _experiment(campaign.experiment, key=key, name=name, same_arms=same_arms)
    copied = {
        field.name: getattr(campaign, field.name)
        for field in campaign._meta.concrete_fields
        if field.name not in OWN
    }
    draft = Campaign.objects.create(**copied, key=key, name=name, experiment=experiment, created_by=by)
    variants = {variant.key: variant for variant in experiment.variants.all()}
    for arm in campaign.variants.select_related("variant", "template_version__template"):
        _arm(arm, draft, variants[arm.variant.key], newest=newest_templates)
    for name_of_plan in PLANS:
        if (plan := getattr(campaign, name_of_plan, None)) is not None:
            plan.copy_to(draft, by=by)
    tell_campaign(draft)
    audit.record(by, "cloned a campaign", draft, detail=campaign.key)
    return draft


def _experiment(experiment: Experiment, *, key: str, name: str, same_arms: bool) -> Experiment:
    copied = Experiment.objects.create(
        key=key,
        name=name,
        hypothesis=experiment.hypothesis,
        salt=experiment.salt if same_arms else key,
        primary_metric=experiment.primary_metric,
        conversion_window_days=experiment.conversion_window_days,
        alpha=experiment.alpha,
    )
    for variant in experiment.variants.all():
        Variant.objects.create(
            experiment=copied,
            key=variant.key,
            name=variant.name,
            role=variant.role,
            weight=variant.weight,
            position=variant.position,
        )
    return copied


def _arm(arm: CampaignVariant, draft: Campaign, variant: Variant, *, newest: bool) -> None:
    version = arm.template_version
    CampaignVariant.objects.create(
        campaign=draft,
        variant=variant,
        template_version=(version.template.versions.first() or version) if newest else version,
        strategy=arm.strategy,
        is_personalised=arm.is_personalised,
    )
