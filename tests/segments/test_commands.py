import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from customers.models import Customer
from segments.models import Segment
from tests.segments.worlds import NOW

pytestmark = pytest.mark.django_db
BRITISH = '{"attribute": "country", "value": "GB"}'


def test_a_segment_is_made_filled_and_described():
    Customer.objects.create(country="GB")
    out = StringIO()
    call_command(
        "create_segment", "uk", name="UK", condition=BRITISH, as_of="2026-03-15T12:00:00Z", stdout=out
    )
    assert out.getvalue() == "UK: 1 members. Lives in United Kingdom.\n"
    assert Segment.objects.get().as_of == NOW


def test_a_segment_is_made_from_a_file_and_changed_by_its_key(tmp_path):
    path = tmp_path / "condition.json"
    path.write_text(BRITISH)
    call_command("create_segment", "uk", name="UK", condition=str(path), stdout=StringIO())
    call_command("create_segment", "uk", name="All", condition='{"all": []}', stdout=StringIO())
    assert [(one.name, one.condition) for one in Segment.objects.all()] == [("All", {"all": []})]


@pytest.mark.parametrize("condition", ['{"all": 1}', "{", "no/such/file", '{"segment": "nope"}'])
def test_a_condition_that_cannot_be_used_stores_nothing(condition):
    with pytest.raises(CommandError):
        call_command("create_segment", "uk", name="UK", condition=condition)
    assert not Segment.objects.exists()


def test_a_refresh_tells_machines_what_it_did(segment):
    Customer.objects.create(country="GB")
    out = StringIO()
    call_command("refresh_segments", segment="british", json=True, stdout=out)
    figures = json.loads(out.getvalue())["british"]
    assert (figures["members"], figures["entered"], figures["left"]) == (1, 1, 0)


def test_an_unknown_segment_is_named():
    with pytest.raises(CommandError, match="no segment with the key nope"):
        call_command("refresh_segments", segment="nope")


def test_a_key_that_no_address_could_hold_is_refused():
    with pytest.raises(CommandError, match="slug"):
        call_command("create_segment", "uk lapsing", "--name=X", '--condition={"all": []}')
    assert not Segment.objects.exists()
