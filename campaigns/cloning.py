"""A campaign once more: a draft with the same plan, an experiment of its own, and nothing of what happened."""

from django.db import transaction
from django.utils.text import slugify

from accounts import audit
from accounts.models import User
from campaigns.field_uses import tell_campaign
from campaigns.models import Campaign, CampaignVariant, TemplateVersion
from campaigns.publishing import TemplateRefused, with_own_words
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

    Shares that follow results are kept only where the copy is a series that can have them.

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
    if not draft.is_bandit:
        experiment.allocation = Experiment.Allocation.FIXED.value
        experiment.save(update_fields=["allocation"])
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
        salt=experiment.salt if same_arms else key,
        is_expectation_measured=experiment.is_expectation_measured,
        **experiment.plan(),
    )
    for variant in experiment.variants.all():
        Variant.objects.create(
            experiment=copied,
            key=variant.key,
            name=variant.name,
            role=variant.role,
            salt=variant.salt if same_arms or not variant.salt else f"{key}:{variant.role}",
            weight=variant.weight,
            entered_weight=variant.entered_weight,
            position=variant.position,
        )
    return copied


def _arm(arm: CampaignVariant, draft: Campaign, variant: Variant, *, newest: bool) -> None:
    CampaignVariant.objects.create(
        campaign=draft,
        variant=variant,
        template_version=_newest(arm.template_version) if newest else arm.template_version,
        strategy=arm.strategy,
        is_personalised=arm.is_personalised,
        send_shift_hours=arm.send_shift_hours,
    )


def _newest(version: TemplateVersion) -> TemplateVersion:
    """The template's newest version, under the arm's own words where it has some and they fit."""
    newest, origin = version.template.versions.first() or version, version.origin
    if origin is None:
        return newest
    subject = version.subject if version.subject != origin.subject else ""
    preheader = version.preheader if version.preheader != origin.preheader else ""
    try:
        own = with_own_words(newest, subject=subject, preheader=preheader)
    except TemplateRefused:
        return version
    if own._state.adding:
        own.save()
    return own
