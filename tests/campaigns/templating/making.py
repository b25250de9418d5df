"""Small templates for the tests."""

from campaigns.templating.compile import Compiled, compile_template
from campaigns.templating.render import Rendered, render

FOOTER = '<mj-text><a href="{{ unsubscribe_url }}">Unsubscribe</a></mj-text>'


def compiled(body, *, subject="News", preheader="", text=None, **options) -> Compiled:
    """Compile a column's elements with a footer after them."""
    mjml = (
        "<mjml><mj-body><mj-section><mj-column>\n"
        f"{body}\n{FOOTER}\n</mj-column></mj-section></mj-body></mjml>"
    )
    return compile_template(subject=subject, preheader=preheader, mjml=mjml, text=text, **options)


def rendered(body, context=None, *, links=None, blocks=(), **parts) -> Rendered:
    """Compile, insist that nothing was wrong, render; `blocks` that are None are gone when it is rendered."""
    template = compiled(body, blocks=blocks, **parts)
    assert [finding for finding in template.findings if finding.severity == "error"] == []
    there = {key: html for key, html in dict(blocks).items() if html is not None}
    return render(
        template, {"unsubscribe_url": "https://s.example/u/1"} | (context or {}), links=links, blocks=there
    )


def messages(template, severity=None):
    """List the findings as (line, message)."""
    return [
        (finding.line, finding.message)
        for finding in template.findings
        if severity is None or finding.severity == severity
    ]
