"""What rules ask about stays: segments and stages of live versions and of drafts."""

import pytest

from campaigns.field_uses import tell_uses
from common.clock import now
from rules.documents import DocumentError
from rules.drafts import discard_draft, obstacles, save_draft
from rules.models import RuleDraft
from rules.versions import rollback
from segments import upkeep
from segments.models import LifecycleStage, Segment
from segments.stages import BadStages, save_stages
from tests.rules.conftest import BRITISH, document

pytestmark = pytest.mark.django_db
IN_SEGMENT = {**BRITISH, "when": {"not": {"segment": "vip"}}}
IN_STAGE = {**BRITISH, "when": {"stage": ["new", "fans"]}}


@pytest.fixture
def vip(db):
    return Segment.objects.create(key="vip", name="VIP", condition={"attribute": "country", "value": "GB"})


@pytest.fixture
def fans(db):
    LifecycleStage.objects.all().delete()
    LifecycleStage.objects.create(key="new", name="New", position=LifecycleStage.LAST)
    return LifecycleStage.objects.create(
        key="fans", name="Fans", position=1, condition={"consent": "profiling"}
    )


def test_a_rule_about_an_archived_segment_is_not_stored(hero, vip, ada):
    upkeep.archive(vip)
    with pytest.raises(DocumentError, match=r"rules\[0\]\.when\.segment: the segment vip is archived"):
        save_draft(hero, document(IN_SEGMENT), author=ada)
    assert not RuleDraft.objects.exists()


def test_a_rule_about_an_unknown_stage_is_not_stored(hero, fans, ada):
    with pytest.raises(DocumentError, match=r"rules\[0\]\.when\.stage: there is no stage loyl\."):
        save_draft(hero, document({**BRITISH, "when": {"stage": ["fans", "loyl"]}}), author=ada)
    assert not RuleDraft.objects.exists()


def test_a_segment_that_a_draft_asks_about_is_not_archived_until_the_draft_is_gone(hero, vip, ada):
    save_draft(hero, document(IN_SEGMENT), author=ada)
    with pytest.raises(upkeep.InUse, match="Rules: Hero uses it"):
        upkeep.archive(vip)
    discard_draft(hero, by=ada, revision=hero.revision)
    upkeep.archive(vip)
    assert vip.archived_at is not None


def test_a_draft_whose_segment_was_archived_all_the_same_does_not_go_live(hero, vip, ada):
    draft = save_draft(hero, document(IN_SEGMENT), author=ada)
    Segment.objects.update(archived_at=now())
    assert "the segment vip is archived" in obstacles(draft, hero)[0]


def test_going_back_to_rules_about_an_archived_segment_is_refused(hero, live, vip, ada):
    live(IN_SEGMENT)
    live(BRITISH)
    upkeep.archive(vip)
    hero.refresh_from_db()
    with pytest.raises(DocumentError, match="the segment vip is archived"):
        rollback(hero, 1, by=ada, revision=hero.revision)


def test_live_rules_and_their_draft_are_one_user_of_segments(hero, live, vip, ada):
    live(IN_SEGMENT)
    hero.refresh_from_db()
    save_draft(hero, document(BRITISH), author=ada)
    tell_uses()
    assert [str(one) for one in vip.references.values_list("label", flat=True)] == ["Rules: Hero"]


@pytest.mark.parametrize("is_live", [True, False])
def test_a_stage_that_rules_ask_about_stays(hero, live, fans, ada, is_live):
    if is_live:
        live(IN_STAGE)
    else:
        save_draft(hero, document(IN_STAGE), author=ada)
    with pytest.raises(BadStages, match="“Fans” stays: it is asked for by “Rules: Hero”"):
        save_stages(lambda stored: [one for one in stored if one != fans])
    assert LifecycleStage.objects.count() == 2
