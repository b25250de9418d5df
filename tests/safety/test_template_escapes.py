"""Two hundred attempts to reach a setting, a file or Python through a template: nothing comes out."""

import pytest
from pytest_django import Settings

from campaigns.templating.blocks import compile_block
from campaigns.templating.render import RenderFailed, render, render_fragment
from campaigns.templating.variables import SAMPLES
from tests.campaigns.templating.making import compiled
from tests.safety.escapes import attempts

SETTING, VARIABLE = "canary-of-a-setting", "canary-of-the-environment"
SIGNS = (
    SETTING,
    VARIABLE,
    "root:x:0",
    "INSTALLED_APPS",
    "<class ",
    "&lt;class ",
    " object at 0x",
    "<function",
    "&lt;function",
    "<bound method",
    "&lt;bound method",
    "&lt;built-in",
    "mappingproxy",
    "site-packages",
    "Traceback",
)


@pytest.fixture(autouse=True)
def canaries(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets that would be recognised."""
    settings.SECRET_KEY = SETTING
    monkeypatch.setenv("SECRET_KEY", VARIABLE)


def context() -> dict[str, object]:
    """Everything that a template may know, and a customer who writes Liquid."""
    data: dict[str, object] = {}
    for path, value in SAMPLES.items():
        inner = data
        *above, name = path.split(".")
        for one in above:
            inner = inner.setdefault(one, {})
        inner[name] = value
    product = {"name": "Boot", "url": "https://s.example/p", "image_url": "https://s.example/p.png"}
    customer = data["customer"] | {
        "last_name": "{{ settings.SECRET_KEY }}{% include '/etc/passwd' %}{{ 7 | times: 6 }}"
    }
    return data | {"customer": customer, "recommendations": [product], "slots": {}, "coupons": {}}


def shown_by(attempt: str) -> str:
    """All that the attempt brings to light: findings, mail, block; the attempt itself taken away."""
    template = compiled(attempt, subject="{{ customer.last_name }}")
    said = " ".join(finding.message for finding in template.findings)
    if template.is_publishable:
        try:
            message = render(template, context())
            said += f"{message.subject}{message.html}{message.text}"
        except RenderFailed as error:
            said += str(error)
    html, findings = compile_block(attempt)
    said += " ".join(finding.message for finding in findings)
    try:
        said += render_fragment(html, context())
        said += render_fragment('{% slot "hero" %}{% endslot %}', context() | {"slots": {"hero": attempt}})
    except RenderFailed as error:
        said += str(error)
    return said.replace(attempt, "")


def test_no_attempt_brings_anything_to_light():
    tried = list(attempts())
    assert len(set(tried)) == 200
    told = {attempt: shown_by(attempt) for attempt in tried}
    assert [(attempt, sign) for attempt, said in told.items() for sign in SIGNS if sign in said] == []


def test_what_customers_write_is_never_run():
    message = render(
        compiled("<mj-text>{{ customer.last_name }}</mj-text>", subject="{{ customer.last_name }}"), context()
    )
    assert message.subject == "{{ settings.SECRET_KEY }}{% include '/etc/passwd' %}{{ 7 | times: 6 }}"
    assert "{{ 7 | times: 6 }}" in message.html


def test_the_signs_would_be_seen():
    message = render(
        compiled("<mj-text>{{ customer.last_name }}</mj-text>"), {"customer": {"last_name": int}}
    )
    assert "&lt;class " in message.html
