"""What is said of a template when it is saved: contrast, subjects, links, and what e-mail programs cannot do."""

import json

import pytest

from campaigns.templating.checks.clients import FOLDER
from campaigns.templating.checks.contrast import ratio
from campaigns.templating.checks.subject import subject_findings
from campaigns.templating.compile import compile_template
from tests.campaigns.templating.making import compiled, messages

CLIENTS = "caniemail.com, 2026-05-13"


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        ("RE: our talk", "pretends to answer or forward"),
        ("Fwd: have you seen this", "pretends to answer or forward"),
        ("Your payment has failed", "reads like a notice"),
        ("Verify your account today", "reads like a notice"),
        ("Letzte Mahnung", "reads like a notice"),
        ("Act now for tents", '"Act now" in the subject'),
        ("Tents!!!", '"!!!" in the subject'),
        ("EVERYTHING MUST GO", "is in capitals"),
        ("x" * 71, "more than 70 characters"),
    ],
)
def test_a_subject_that_deceives_or_shouts_is_named(subject: str, words: str) -> None:
    [finding] = subject_findings(subject)
    assert words in finding.message
    assert finding.part == "subject"


@pytest.mark.parametrize(
    "subject",
    [
        "New tents for your summer",
        "{{ customer.first_name | upcase | default: 'YOU THERE' }}, 20 % off boots",
        "Return of the red jacket",
        "Thank you for your order, {{ customer.first_name }}",
        "UK only: free delivery",
    ],
)
def test_an_honest_subject_is_left_alone(subject: str) -> None:
    assert list(subject_findings(subject)) == []


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((0, 0, 0), (255, 255, 255), 21.0),
        ((119, 119, 119), (255, 255, 255), 4.48),
        ((255, 0, 0),) * 2 + (1.0,),
    ],
)
def test_contrast_is_that_of_the_guidelines(
    one: tuple[int, int, int], other: tuple[int, int, int], expected: float
) -> None:
    assert round(ratio(one, other), 2) == expected
    assert ratio(other, one) == ratio(one, other)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('<mj-text color="#999">Pale</mj-text>', "Text in #999999 on #ffffff has a contrast of 2.8; 4.5"),
        ('<mj-text color="#888" font-size="30px">Pale</mj-text>', ""),
        ('<mj-text color="#aaa" font-size="30px">Pale</mj-text>', "contrast of 2.3; 3.0"),
        ('<mj-text container-background-color="black">Black on black</mj-text>', "contrast of 1.0"),
        (
            '<mj-button background-color="yellow" href="https://s.example/">Go</mj-button>',
            "#ffffff on #ffff00",
        ),
        ('<mj-button href="https://s.example/">Go</mj-button>', ""),
        ('<mj-text>Fine <span style="color: silver">not</span> fine</mj-text>', "#c0c0c0 on #ffffff"),
        ('<mj-text><b style="background:#000;color:#fff">Fine</b></mj-text>', ""),
        ('<mj-text color="{{ customer.colour }}">Unknown</mj-text>', ""),
        ('<mj-text color="#999"></mj-text>', ""),
    ],
)
def test_text_that_cannot_be_read_is_named(body: str, words: str) -> None:
    found = [message for _, message in messages(compiled(body)) if "contrast" in message]
    assert (words in found[0] and len(found) == 1) if words else found == []


def test_defaults_and_classes_count_for_contrast() -> None:
    mjml = (
        '<mjml><mj-head><mj-attributes><mj-text color="#bbb" /><mj-class name="dark" color="#111" /></mj-attributes>'
        '</mj-head><mj-body background-color="#fff"><mj-section><mj-column>\n<mj-text>Pale</mj-text>\n'
        '<mj-text mj-class="dark">Dark <a href="{{ unsubscribe_url }}">Unsubscribe</a></mj-text>'
        "</mj-column></mj-section></mj-body></mjml>"
    )
    found = compile_template(subject="News", preheader="", mjml=mjml).findings
    assert [(one.line, one.message[:28]) for one in found] == [(2, "Text in #bbbbbb on #ffffff h")]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            '<mj-text><p style="display: flex">x</p></mj-text>',
            "display:flex does not work in Outlook (Windows)",
        ),
        ("<mj-raw><video></video></mj-raw>", "<video> element does not work in Gmail (Desktop Webmail)"),
        ('<mj-image alt="" src="https://s.example/a.webp" />', "webP image format does not work in Outlook"),
        ("<mj-text><p style='width: calc(1px + 2px)'>x</p></mj-text>", "calc() function does not work"),
        ('<mj-text><p style="padding: 3px">x</p></mj-text>', ""),
        ('<mj-image alt="" src="https://s.example/a.png" />', ""),
    ],
)
def test_what_an_email_program_cannot_do_is_named_with_the_date_of_the_data(body: str, words: str) -> None:
    found = [(line, message) for line, message in messages(compiled("\n" + body)) if CLIENTS in message]
    assert (len(found) == 1 and words in found[0][1] and found[0][0] == 3) if words else found == []


def test_the_data_about_email_programs_says_where_it_comes_from() -> None:
    manifest = json.loads((FOLDER / "manifest.json").read_text())
    assert (manifest["origin"], manifest["licence"]) == ("caniemail 2.0.2 (npm)", "MIT")
    assert len(manifest["sha256"]) == 64
    assert "MIT License" in (FOLDER / "LICENSE").read_text()


@pytest.mark.parametrize(
    ("anchor", "words"),
    [
        ('<a href="#">x</a>', "A link leads nowhere."),
        ('<a href="https://bit.ly/x">x</a>', "The link goes through bit.ly"),
        ('<a href="http://localhost:8000/x">x</a>', "which no reader can reach"),
        ('<a href="http://shop.example/x">x</a>', "is not encrypted"),
        (
            '<a href="https://evil.example/">www.bank.example</a>',
            "reads www.bank.example and leads to evil.example",
        ),
        ('<a href="https://www.shop.example/a">shop.example</a>', ""),
        ('<a href="{{ product.url }}">{{ product.name }}</a>', ""),
        ('<a href="https://shop.example/{{ code }}">x</a>', ""),
        ('<a href="mailto:ann@shop.example">ann@shop.example</a>', ""),
    ],
)
def test_a_link_that_leads_nowhere_or_elsewhere_is_named(anchor: str, words: str) -> None:
    known = {"code", "product.*", "unsubscribe_url"}
    found = messages(compiled(f"<mj-text>{anchor}</mj-text>", known=known))
    assert ([words in message for _, message in found] == [True]) if words else found == []


def test_a_link_to_unsubscribe_that_is_only_a_comment_does_not_count() -> None:
    mjml = (
        "<mjml><mj-body><mj-section><mj-column><mj-text>x {% comment %}{{ unsubscribe_url }}{% endcomment %}"
        "</mj-text></mj-column></mj-section></mj-body></mjml>"
    )
    found = compile_template(subject="News", preheader="", mjml=mjml).findings
    assert "There is no unsubscribe link: add a link to {{ unsubscribe_url }}." in [
        one.message for one in found
    ]
