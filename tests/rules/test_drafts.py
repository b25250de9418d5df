import pytest
from django.db import IntegrityError, transaction

from accounts.models import AuditEntry
from common.clock import now
from rules.documents import DocumentError
from rules.drafts import MovedOn, Refused, approve, discard_draft, follow_live, save_draft
from rules.models import RuleDraft
from tests.rules.conftest import BRITISH, LOYAL, case, document, needing_approval

pytestmark = pytest.mark.django_db


@pytest.fixture
def approved(hero, ada, bob):
    needing_approval(hero)
    save_draft(hero, document(BRITISH), author=ada, revision=0)
    return approve(hero, by=bob, revision=hero.revision)


def test_a_document_that_cannot_be_used_is_not_stored(hero, ada):
    with pytest.raises(DocumentError):
        save_draft(hero, {"rules": []}, author=ada)
    assert not RuleDraft.objects.exists()


def test_a_rule_about_an_unknown_segment_is_not_stored(hero, ada):
    with pytest.raises(DocumentError, match=r"rules\[1\]\.when\.segment: there is no segment vip"):
        save_draft(hero, document(BRITISH, {**LOYAL, "when": {"not": {"segment": "vip"}}}), author=ada)
    assert not RuleDraft.objects.exists()


def test_there_is_one_draft_by_whoever_edited_it_last(hero, ada, bob):
    save_draft(hero, document(BRITISH), author=ada, revision=0)
    save_draft(hero, document(LOYAL), author=bob, revision=1)
    draft = RuleDraft.objects.get()
    assert (draft.author, draft.document) == (bob, document(LOYAL))
    assert AuditEntry.objects.filter(action="saved a draft of rules").count() == 2


def test_who_saves_over_an_unseen_draft_is_told(hero, ada, bob):
    save_draft(hero, document(BRITISH), author=ada, revision=0)
    with pytest.raises(MovedOn, match="Ada saved a draft while you were looking"):
        save_draft(hero, document(LOYAL), author=bob, revision=0)
    assert RuleDraft.objects.get().author == ada


def test_a_draft_that_was_discarded_is_not_saved_over(hero, ada, bob):
    save_draft(hero, document(BRITISH), author=ada, revision=0)
    discard_draft(hero, by=ada, revision=1)
    with pytest.raises(MovedOn, match="The draft was discarded while"):
        save_draft(hero, document(LOYAL), author=bob, revision=1)


def test_nobody_approves_their_own_draft(hero, ada):
    save_draft(hero, document(BRITISH), author=ada, revision=0)
    with pytest.raises(Refused, match="a second person approves it"):
        approve(hero, by=ada, revision=1)
    assert RuleDraft.objects.get().approver is None


def test_who_wrote_on_a_draft_that_another_edited_later_does_not_approve_it(hero, ada, bob, root):
    save_draft(hero, document(BRITISH), author=bob, revision=0)
    draft = save_draft(hero, document(BRITISH, LOYAL), author=ada, revision=1)
    with pytest.raises(Refused, match="You wrote on this draft"):
        approve(hero, by=bob, revision=2)
    with pytest.raises(IntegrityError, match="rule_draft_writers"), transaction.atomic():
        RuleDraft.objects.filter(pk=draft.pk).update(approver=bob, approved_at=now())
    assert approve(hero, by=root, revision=2).approver == root


def test_the_same_words_keep_their_author_whoever_saves_them_or_lets_them_follow(hero, live, ada, bob):
    save_draft(hero, document(BRITISH), author=bob, revision=0)
    save_draft(hero, document(BRITISH), author=ada, note="clearer", revision=1)
    follow_live(hero, by=ada, revision=2)
    draft = RuleDraft.objects.get()
    assert (draft.author, draft.note, draft.writer_ids) == (bob, "clearer", [bob.pk])
    with pytest.raises(Refused, match="You wrote on this draft"):
        approve(hero, by=bob, revision=3)
    assert approve(hero, by=ada, revision=3).approver == ada


def test_true_and_one_are_different_words(hero, ada, bob):
    for author, vip in ((ada, True), (bob, 1)):
        save_draft(hero, document(otherwise={"set": {"vip": vip}}), author=author)
    assert RuleDraft.objects.get().author == bob


def test_what_a_program_wrote_is_approved_once_somebody_took_it_over(hero, ada, bob):
    save_draft(hero, document(BRITISH), author=None)
    with pytest.raises(Refused, match="A program wrote this draft"):
        approve(hero, by=bob, revision=1)
    save_draft(hero, document(BRITISH), author=ada)
    assert approve(hero, by=bob, revision=2).author == ada


def test_the_database_refuses_an_approval_by_the_author(hero, ada):
    draft = save_draft(hero, document(BRITISH), author=ada, revision=0)
    with pytest.raises(IntegrityError, match="rule_draft_two_people"), transaction.atomic():
        RuleDraft.objects.filter(pk=draft.pk).update(approver=ada, approved_at=now())


def test_a_draft_whose_tests_fail_is_not_approved(hero, ada, bob):
    save_draft(hero, document(BRITISH), author=ada, revision=0)
    case(hero, "x", {}, {"show": "no"})
    with pytest.raises(Refused, match="“x” fails"):
        approve(hero, by=bob, revision=1)


def test_who_approves_what_they_have_not_seen_is_told(hero, ada, bob):
    save_draft(hero, document(BRITISH), author=ada, revision=0)
    save_draft(hero, document(LOYAL), author=ada, revision=1)
    with pytest.raises(MovedOn):
        approve(hero, by=bob, revision=1)
    assert RuleDraft.objects.get().approver is None


def test_an_edit_takes_the_approval_away(hero, approved, ada):
    assert approved.approver is not None
    draft = save_draft(hero, document(LOYAL), author=ada, revision=hero.revision)
    assert (draft.approver, draft.approved_at) == (None, None)


def test_an_edit_takes_approval_and_plan_away_whoever_writes_the_row(approved, bob):
    RuleDraft.objects.update(publish_at=now(), scheduled_by=bob)
    RuleDraft.objects.update(document=document(LOYAL), approver=bob, approved_at=now())
    draft = RuleDraft.objects.get()
    assert (draft.approver, draft.approved_at, draft.publish_at, draft.scheduled_by) == (None,) * 4


def test_a_new_note_leaves_the_approval(approved, bob):
    RuleDraft.objects.update(note="clearer")
    assert RuleDraft.objects.get().approver == bob
