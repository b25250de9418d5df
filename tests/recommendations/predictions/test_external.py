"""Scores from a model elsewhere: asked over HTTP or read from a file, checked, with our own to fall back on."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import Role, User
from common import clock
from customers.models import Alert, Customer, Score
from recommendations.admin import ExternalModelForm
from recommendations.external import asking
from recommendations.external.models import ExternalModel
from recommendations.external.refreshing import due, refresh
from recommendations.predictions.models import PredictionVersion
from recommendations.predictions.training import refresh_scores, train
from segments.compiler import compile_condition
from segments.conditions import parse
from tests.recommendations.conftest import NOW
from tests.recommendations.elsewhere import Served, score_of, serving, write

pytestmark = pytest.mark.django_db
PEOPLE = 30


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings.EXTERNAL_DIR = tmp_path / "external"
    settings.EXTERNAL_DIR.mkdir()
    monkeypatch.setattr(asking, "WAIT_SECONDS", 0.0)
    return settings.EXTERNAL_DIR


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as server:
        yield server


@pytest.fixture
def customers() -> list[Customer]:
    return Customer.objects.bulk_create(
        Customer(email=f"c{n}@example.com", country="GB", signed_up_at=NOW) for n in range(PEOPLE)
    )


@pytest.fixture
def model(served: Served) -> ExternalModel:
    return ExternalModel.objects.create(
        key="luck",
        source=ExternalModel.Source.HTTP,
        location=f"http://127.0.0.1:{served.server_port}/score",
        lowest=0,
        highest=1,
    )


def stored(kind: str = "luck") -> dict[str, float]:
    rows = Score.objects.filter(kind=kind).values_list("customer__public_id", "value")
    return {str(id): value for id, value in rows}


def expected(people: list[Customer]) -> dict[str, float]:
    return {str(one.public_id): score_of(str(one.public_id)) for one in people}


def alert() -> tuple[str, str] | None:
    return Alert.objects.filter(resolved_at=None).values_list("severity", "title").first()


def test_scores_are_stored_with_version_and_percentile_and_stand_in_conditions(
    customers: list[Customer], model: ExternalModel, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "BATCH", 20)
    Customer.objects.filter(pk=customers[0].pk).update(allows_profiling=False)
    found = refresh(model.pk)
    assert stored() == expected(customers[1:])
    assert [len(one["customers"]) for one in served.asked] == [20, 9]
    assert (served.asked[0]["score"], served.tokens[0]) == ("luck", None)
    assert set(Score.objects.values_list("model_version", flat=True)) == {"luck-elsewhere-7"}
    assert Score.objects.order_by("-value").first().percentile == 100
    assert compile_condition(parse({"score": "luck", "op": "gte", "value": 0.5}), now=NOW).count() == sum(
        value >= 0.5 for value in stored().values()
    )
    assert (found.is_in_use, found.scored, found.verdict) == (True, 29, "29 customers scored by version 7.")
    assert due(clock.now()) == []


def test_features_and_the_secret_are_sent_where_that_is_wanted(
    customers: list[Customer], model: ExternalModel, served: Served
) -> None:
    ExternalModel.objects.filter(pk=model.pk).update(sends_features=True, secret="s3cret")
    refresh(model.pk)
    features = served.asked[0]["customers"][0]["features"]
    assert (features["country"], features["orders"], features["since_order"]) == ("GB", 0, None)
    assert served.tokens == ["Bearer s3cret"]
    assert not any("@" in json.dumps(one) for one in served.asked)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"score": float("nan")}, "scores[2]: the score nan is not finite, or too large"),
        ({"score": 1.5}, "scores[2]: the score 1.5 is above 1"),
        ({"score": "0.5"}, "scores[2]: the score '0.5' is no number"),
        ({"score": True}, "scores[2]: the score True is no number"),
        ({"score": None}, "scores[2]: the score None is no number"),
        ({"id": 7}, "scores[2]: the id 7 is no text"),
    ],
)
def test_a_bad_row_is_left_out_and_named(
    customers: list[Customer], model: ExternalModel, served: Served, change: dict[str, Any], named: str
) -> None:
    def say(question: dict[str, Any]) -> Any:
        said = Served.say(served, question)
        said["scores"][2] |= change
        return said

    served.say = say  # type: ignore[method-assign]
    found = refresh(model.pk)
    assert (len(stored()), found.is_in_use) == (29, True)
    assert f"1 bad rows left out ({named})" in found.verdict
    assert "1 customers without an answer" in found.verdict


def test_strangers_and_doubles_change_nobody(
    customers: list[Customer], model: ExternalModel, served: Served
) -> None:
    def say(question: dict[str, Any]) -> Any:
        said = Served.say(served, question)
        said["scores"].append({"id": "00000000-0000-4000-8000-000000000000", "score": 0.5})
        said["scores"].append({"id": str(customers[3].public_id), "score": 0.999})
        return said

    served.say = say  # type: ignore[method-assign]
    found = refresh(model.pk)
    assert stored() == expected(customers)
    assert "comes a second time" in found.verdict
    assert "1 rows passed over, of people unknown here" in found.verdict


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ([1, 2], "The answer must be an object"),
        ({"version": "7"}, "The answer must be an object"),
        ({"scores": []}, "Version is None; it must be a text of 1 to 20 characters."),
        ({"version": "7", "scores": []}, "None of its 0 rows is of a customer known here."),
        ({"version": "7", "scores": [1, 2]}, "2 of 2 rows are bad: scores[0]: it is no object"),
        (b"<html>", "The answer is not JSON"),
        (b"[" * 100_000, "The answer is not JSON"),
    ],
)
def test_an_answer_of_another_shape_stores_nothing(
    customers: list[Customer], model: ExternalModel, served: Served, said: Any, why: str
) -> None:
    served.say = lambda _: said  # type: ignore[method-assign]
    found = refresh(model.pk)
    assert found.verdict.startswith(why)
    assert (stored(), found.is_in_use) == ({}, False)
    assert alert() == ("danger", "The model for luck cannot be used")


def test_a_passing_failure_is_asked_again_and_a_lasting_one_is_told(
    customers: list[Customer], model: ExternalModel, served: Served
) -> None:
    served.failures = 2
    assert refresh(model.pk).is_in_use
    served.failures = 99
    before, asked = stored(), len(served.asked)
    found = refresh(model.pk)
    assert len(served.asked) == asked + 3
    assert found.verdict == "It answered 503. It was asked 3 times."
    assert (found.is_in_use, stored()) == (True, before)
    assert alert() == ("warning", "The model for luck cannot be used; its last scores stay in use for now")
    served.failures = 0
    assert refresh(model.pk).verdict == "30 customers scored by version 7."
    assert alert() is None


def test_a_refusal_is_not_asked_again(
    customers: list[Customer], model: ExternalModel, served: Served
) -> None:
    served.status = 401
    assert refresh(model.pk).verdict == "It answered 401."
    assert len(served.asked) == 1


def test_one_that_hangs_is_given_up(
    customers: list[Customer], model: ExternalModel, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "TIMEOUT", httpx.Timeout(0.1))
    served.is_hanging = True
    assert refresh(model.pk).verdict == "ReadTimeout: timed out. It was asked 3 times."


def test_an_address_inside_the_house_is_not_asked(
    customers: list[Customer], model: ExternalModel, served: Served, settings: Settings
) -> None:
    settings.OUTBOUND_ALLOWED = []
    assert "leads into an internal network" in refresh(model.pk).verdict
    assert served.asked == []


def test_scores_that_grow_too_old_go_with_an_alert(
    customers: list[Customer], model: ExternalModel, served: Served
) -> None:
    refresh(model.pk)
    old = clock.now() - timedelta(hours=73)
    ExternalModel.objects.filter(pk=model.pk).update(answered_at=old)
    served.status = 500
    found = refresh(model.pk)
    assert (found.is_in_use, stored()) == (False, {})
    assert alert() == ("danger", "The model for luck is late: there are no scores of this name any more.")


def test_our_own_scores_step_in_for_one_of_the_same_name(
    buyers: list[Customer], model: ExternalModel, served: Served
) -> None:
    train("propensity", now=NOW)
    ours = stored("propensity")
    ExternalModel.objects.filter(pk=model.pk).update(key="propensity")
    refresh(model.pk)
    theirs = expected(buyers)
    assert stored("propensity") == theirs
    assert refresh_scores("propensity", now=NOW) == 0
    assert stored("propensity") == theirs
    ExternalModel.objects.filter(pk=model.pk).update(answered_at=NOW - timedelta(days=900))
    served.status = 500
    found = refresh(model.pk)
    assert found.verdict.endswith("Our own scores are in use again.")
    assert stored("propensity").keys() == ours.keys()
    assert set(Score.objects.values_list("model_version", flat=True)) == {"propensity-1"}
    assert PredictionVersion.objects.get().status == PredictionVersion.Status.CHAMPION


def test_one_that_is_switched_off_gives_its_scores_back(
    customers: list[Customer], model: ExternalModel
) -> None:
    refresh(model.pk)
    ExternalModel.objects.filter(pk=model.pk).update(is_enabled=False)
    assert due(clock.now()) == [model.pk]
    found = refresh(model.pk)
    assert (found.is_in_use, stored(), due(clock.now())) == (False, {}, [])
    assert alert() is None


def test_two_rounds_at_a_time_are_one(
    customers: list[Customer], model: ExternalModel, served: Served
) -> None:
    ExternalModel.objects.filter(pk=model.pk).update(lease_until=clock.now() + timedelta(minutes=5))
    assert refresh(model.pk) is None
    assert (served.asked, due(clock.now())) == ([], [])


def test_one_that_is_switched_off_meanwhile_stores_nothing(
    customers: list[Customer], model: ExternalModel, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "BATCH", 20)
    batches = asking.batches

    def switching_off() -> Iterator[dict[str, int]]:
        for batch in batches():
            yield batch
            ExternalModel.objects.update(is_enabled=False)

    monkeypatch.setattr(asking, "batches", switching_off)
    found = refresh(model.pk)
    assert (len(served.asked), stored(), found.is_in_use) == (1, {}, False)


def test_half_of_the_customers_of_before_is_suspicious(
    customers: list[Customer], model: ExternalModel, served: Served
) -> None:
    refresh(model.pk)
    served.say = lambda question: {"version": "8", "scores": Served.say(served, question)["scores"][:14]}  # type: ignore[method-assign]
    assert "It scores 14 customers, less than half of the 30 before" in refresh(model.pk).verdict
    assert len(stored()) == 30


def rows_of(people: list[Customer]) -> str:
    values = ", ".join(f"('{one.public_id}', {score_of(str(one.public_id))}::DOUBLE)" for one in people)
    return f"SELECT * FROM (VALUES {values}) AS rows (customer, score)"


@pytest.fixture
def file() -> ExternalModel:
    return ExternalModel.objects.create(
        key="luck", source=ExternalModel.Source.PARQUET, location="luck.parquet"
    )


def test_a_parquet_file_is_read_once_until_it_changes(
    customers: list[Customer], file: ExternalModel, folder: Path
) -> None:
    write(folder / "luck.parquet", rows_of(customers))
    found = refresh(file.pk)
    assert {id: round(value, 9) for id, value in stored().items()} == {
        id: round(value, 9) for id, value in expected(customers).items()
    }
    assert (len(found.version), found.scored) == (12, 30)
    again = refresh(file.pk)
    assert again.verdict == "The file luck.parquet is still the one that was read before."
    assert (again.answered_at, alert()) == (found.answered_at, None)
    ExternalModel.objects.filter(pk=file.pk).update(answered_at=NOW - timedelta(days=900))
    assert not refresh(file.pk).is_in_use
    assert alert() == ("danger", "The model for luck is late: there are no scores of this name any more.")
    write(folder / "luck.parquet", rows_of(customers[:20]))
    assert refresh(file.pk).is_in_use
    assert (len(stored()), alert()) == (20, None)


def test_bad_rows_of_a_file_are_named(customers: list[Customer], file: ExternalModel, folder: Path) -> None:
    extra = f"UNION ALL VALUES ('nobody', 0.5), ('{customers[0].public_id}', 'nan'::DOUBLE), (NULL, 0.5)"
    write(folder / "luck.parquet", f"{rows_of(customers[1:])} {extra}")
    found = refresh(file.pk)
    assert len(stored()) == 29
    assert "2 bad rows left out (row 31: the score nan is not finite, or too large; row 32: " in found.verdict
    assert "1 rows passed over" in found.verdict


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("SELECT 1 AS score", "The file luck.parquet has no column customer; there are score"),
        ("SELECT 'a' AS customer, 'b' AS score", "the column score must hold numbers, and is VARCHAR"),
        ("SELECT 1 AS customer, 1 AS score", "the column customer must hold text, and is INTEGER"),
        ("SELECT 'a' AS customer, 1 AS score WHERE false", "one of its 0 rows is of a customer known here"),
    ],
)
def test_a_file_of_another_shape_stores_nothing(
    customers: list[Customer], file: ExternalModel, folder: Path, query: str, why: str
) -> None:
    write(folder / "luck.parquet", query)
    assert why in refresh(file.pk).verdict
    assert stored() == {}


def test_a_file_that_is_missing_or_no_parquet_is_told(
    customers: list[Customer], file: ExternalModel, folder: Path
) -> None:
    assert refresh(file.pk).verdict == "The file luck.parquet cannot be read: No such file or directory."
    (folder / "luck.parquet").write_text("customer,score\n")
    found = refresh(file.pk).verdict
    assert found.startswith("The file luck.parquet cannot be read: Invalid Input Error")
    assert str(folder) not in found


def form(**changes: object) -> ExternalModelForm:
    entered = {
        "key": "luck",
        "gives": "scores",
        "source": "http",
        "location": "https://models.example/score",
        "every_hours": 24,
        "stale_after_hours": 72,
    }
    return ExternalModelForm(entered | changes)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"location": "ftp://models.example"}, "location"),
        ({"source": "parquet", "location": "../secrets.parquet"}, "location"),
        ({"source": "parquet", "location": "/etc/passwd"}, "location"),
        ({"lowest": 1, "highest": 0}, "highest"),
        ({"gives": "recommendations", "lowest": 1}, "lowest"),
        ({"key": "engagement"}, "key"),
        ({"key": "two words"}, "key"),
        ({"every_hours": 0}, "every_hours"),
    ],
)
def test_a_model_that_cannot_work_is_not_kept(changes: dict[str, object], field: str) -> None:
    assert list(form(**changes).errors) == [field]
    assert form().is_valid()


def test_a_link_that_leads_out_of_the_folder_is_not_followed(
    customers: list[Customer], file: ExternalModel, folder: Path, tmp_path: Path
) -> None:
    write(tmp_path / "elsewhere.parquet", rows_of(customers))
    (folder / "luck.parquet").symlink_to(tmp_path / "elsewhere.parquet")
    assert "leads out of the folder for models" in refresh(file.pk).verdict
    assert stored() == {}


def test_an_administrator_adds_one_and_the_secret_is_not_shown_again(client: Client) -> None:
    admin = User.objects.create_superuser("ada@example.com", "an outdoor shop")
    client.force_login(admin)
    url = "/admin/recommendations/externalmodel/"
    entered = {**form().data, "secret": "s3cret", "is_enabled": "on"}
    assert client.post(f"{url}add/", entered).status_code == 302
    model = ExternalModel.objects.get()
    assert b"s3cret" not in client.get(f"{url}{model.pk}/change/").content
    assert (
        client.post(f"{url}{model.pk}/change/", {**entered, "secret": "", "every_hours": 6}).status_code
        == 302
    )
    model.refresh_from_db()
    assert (model.secret, model.every_hours) == ("s3cret", 6)


def test_a_colleague_sees_models_but_not_their_secrets(client: Client) -> None:
    model = ExternalModel.objects.create(
        key="luck", source="http", location="https://models.example", secret="s3cret"
    )
    client.force_login(User.objects.create_user("m@example.com", role=Role.MARKETER, is_staff=True))
    page = client.get(f"/admin/recommendations/externalmodel/{model.pk}/change/")
    assert page.status_code == 200
    assert b"s3cret" not in page.content
    assert "Not asked yet" in client.get("/recommendations/predictions/").content.decode()


def test_saving_in_the_admin_disturbs_no_round_under_way(client: Client, model: ExternalModel) -> None:
    client.force_login(User.objects.create_superuser("ada@example.com", "an outdoor shop"))
    entered = {**form().data, "location": model.location, "lowest": 0, "highest": 1, "is_enabled": "on"}
    stale = ExternalModel.objects.get()
    ExternalModel.objects.filter(pk=model.pk).update(fence=5, is_in_use=True)
    client.post(f"/admin/recommendations/externalmodel/{model.pk}/change/", {**entered, "every_hours": 6})
    found = ExternalModel.objects.get()
    assert (stale.fence, found.fence, found.is_in_use, found.every_hours) == (0, 5, True, 6)
