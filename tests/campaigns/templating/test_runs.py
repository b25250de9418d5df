"""Templates written in one go say what python-liquid says of them, node by node."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquid import Environment
from liquid.exceptions import LiquidError

from campaigns.templating.rendering import MessageTemplate, Rendering
from campaigns.templating.sandbox import Sandbox

PLAIN = {True: Environment(autoescape=True), False: Environment()}
OURS = {True: Sandbox(autoescape=True), False: Sandbox(autoescape=False)}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | st.sampled_from(["", "a<b", "é", '"'])
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=8,
)  # fmt: skip
PATHS = st.sampled_from(
    ["a", "b", "a.b", "b.a.a", "a[0]", "a.size", "b.first", "a.last", "a['b']", "c", "i", "b[a]"]
)
FILTERS = st.sampled_from(
    [
        "",
        " | default: 'none'",
        " | default: a, allow_false: true",
        " | upcase",
        " | append: b",
        " | size",
        " | join: '<'",
        " | first",
        " | plus: 1",
        " | escape | truncate: 5",
        " | split: 'a' | last",
    ]
)
OUTPUTS = st.builds("{{{{ {}{} }}}}".format, PATHS, FILTERS)
WORDS = st.sampled_from(
    ["x", " ", "\n", "<b>é</b>", "{% assign c = a %}", "{% cycle 'x', 'y' %}", "{% echo b %}"]
)
AROUND = [
    "{{% if {0} == b %}}{1}{{% else %}}y{{% endif %}}",
    "{{% for i in {0} %}}{1}{{% if i == 1 %}}{{% break %}}{{% endif %}}{{% else %}}none{{% endfor %}}",
    "{{% capture c %}}{1}{{% endcapture %}}",
    "{{% unless {0} %}}{1}{{% endunless %}}",
    "{{% case {0} %}}{{% when 1 %}}{1}{{% else %}} {{% endcase %}}",
    "{{%- ifchanged -%}}{1}{{%- endifchanged -%}}",
    "{{% comment %}}{0}{{% endcomment %}}{1}",
]
PARTS = st.recursive(
    OUTPUTS | WORDS,
    lambda inner: st.builds(lambda around, path, part: around.format(path, part), st.sampled_from(AROUND), PATHS, inner)
    | st.lists(inner, max_size=4).map("".join),
    max_leaves=10,
)  # fmt: skip


@pytest.mark.parametrize("is_html", [True, False])
@given(source=PARTS, data=st.fixed_dictionaries({"a": VALUES, "b": VALUES}))
def test_it_says_what_python_liquid_says(is_html, source, data):
    assert _ours(source, data, is_html) == _plain(source, data, is_html)


def _plain(source, data, is_html):
    try:
        return PLAIN[is_html].from_string(source).render(**data)
    except LiquidError as error:
        return type(error)


def _ours(source, data, is_html):
    try:
        template = OURS[is_html].from_string(source)
        assert isinstance(template, MessageTemplate)
        return template.write(data, Rendering())
    except LiquidError as error:
        return type(error)
