"""Turn what an author wrote into what is rendered for each recipient: once, when a version is saved.

Liquid is hidden, MJML becomes HTML, links become numbers, Liquid comes back; the plain text is written by the author or
derived. Nothing here raises for an author's fault: faults are findings, and one of severity "error" blocks publishing.
"""

import html
import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from liquid.ast import Node
from liquid.exceptions import LiquidError
from mjml import mjml2html

from .bounds import bound_findings
from .checks.clients import client_findings
from .checks.contrast import contrast_findings
from .checks.links import link_findings
from .checks.subject import subject_findings
from .findings import Finding, Part, line_at
from .layouts import with_layouts
from .links import LinkTable
from .masking import Mask, mask, unclosed_line
from .plain import html_to_text
from .rendering import MessageTemplate
from .sandbox import check_source, parsed_html, parsed_text
from .structure import escape_stray, read_structure
from .tags import RecommendationsNode, SlotNode, block_of
from .variables import KNOWN, is_known

CLIP_BYTES = 102 * 1024
_FRAME_OF = {"mj-column": "row", "mj-hero": "row", "mj-section": "cell", "mj-group": "cell"}
_FRAME_OF |= {"mj-body": "block", "mj-wrapper": "block"}
_SLOT = re.compile(r"({%-?\s*slot\s+(?:\"[^\"]*\"|'[^']*'))\s*(-?%})")
_BLOCK = re.compile(r"{%-?\s*(?:render|include)\s")
_POSITION = re.compile(r" in root template(?: at position (\d+):\d+)?")
_FRACTION = re.compile(r'(\swidth="\d+)\.\d+"')
# The MJML compiler writes one endless line. Where a line ends in the template, encoding it for a mail need not go on.
# Nothing here is given back once it is taken: a tag that does not end is tried once, not from each of its blanks.
_TAG = re.compile(
    r"""(<(?!a\s)[a-z]\w*+)\s++((?:[^<>"']|"[^"]*"|'[^']*')*+)>|<a\s(?:[^<>"']|"[^"]*"|'[^']*')*+>"""
)
_HEAD = re.compile(r"<mj-head\s*>|<mj-head\s[^>]*[^/]>")


@dataclass(frozen=True, slots=True)
class Compiled:
    """A template version ready to be rendered. `html` is empty when there were errors.

    `links` are the addresses of the static links by index; `variables` the paths that the Liquid reads.
    """

    html: str
    text: str
    subject: str
    preheader: str = ""
    links: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def is_publishable(self) -> bool:
        """Say whether no finding is an error."""
        return not any(finding.severity == "error" for finding in self.findings)


def compile_template(
    *,
    subject: str,
    preheader: str,
    mjml: str,
    text: str | None = None,
    known: Collection[str] = KNOWN,
    blocks: Collection[str] | None = (),
) -> Compiled:
    """Compile the parts of a template version.

    Without `text` the plain part is derived from the HTML. `known` are the paths that a context will hold ("x.*" for
    all below x); others are warned about. `blocks` are the keys of the
    blocks that it may show by name; None refuses all, as blocks do.
    """
    # A browser sends what was written with CRLF.
    subject, preheader, mjml, text = (
        part.replace("\r\n", "\n") for part in (subject, preheader, mjml, text or "")
    )
    parts: dict[Part, str] = {"subject": subject, "preheader": preheader, "mjml": mjml, "text": text}
    findings = [finding for part, source in parts.items() for finding in bound_findings(part, source)]
    if findings:
        return Compiled("", "", subject, preheader, findings=tuple(findings))
    mjml = parts["mjml"] = with_layouts(mjml)
    variables: set[str] = set()
    for part, source in parts.items():
        template = _parse(part, source, findings)
        if template is not None:
            variables |= _variables(part, source, template, known, findings)
            findings += _block_findings(part, source, template, blocks)
    if any(finding.severity == "error" for finding in findings):
        return Compiled("", "", subject, preheader, (), tuple(sorted(variables)), _once(findings))
    compiled_html, compiled_text, links = _bodies(mjml, preheader, text, findings)
    if compiled_html:
        findings += _content_findings(compiled_html, compiled_text, subject)
        findings += subject_findings(subject)
    ordered = tuple(sorted(variables))
    return Compiled(compiled_html, compiled_text, subject, preheader, links, ordered, _once(findings))


def requested_recommendations(compiled: Compiled) -> Counter[str]:
    """Tell how many products each shelf of the template holds at most, for the composer to load.

    Shelves of one part add up; the plain text shows those of the HTML again.
    """
    return requested_by_block(compiled.html) | _requested(parsed_text(compiled.text))


def requested_by_block(html: str) -> Counter[str]:
    """Tell the same of a block, or of any compiled HTML."""
    return _requested(parsed_html(html))


def _requested(template: MessageTemplate) -> Counter[str]:
    wanted: Counter[str] = Counter()
    for node in _nodes(template):
        if isinstance(node, RecommendationsNode):
            wanted[node.shelf] += node.k
    return wanted


def slot_names(compiled: Compiled) -> list[str]:
    """List the slots of the template in their order, for rules to fill."""
    nodes = _nodes(parsed_html(compiled.html))
    return list(dict.fromkeys(node.name for node in nodes if isinstance(node, SlotNode)))


@lru_cache(maxsize=64)
def blocks_shown(compiled: Compiled) -> frozenset[str]:
    """Return the keys of the blocks that the template shows by name, rules apart."""
    sources = (
        parsed_html(compiled.html),
        *map(parsed_text, (compiled.subject, compiled.preheader, compiled.text)),
    )
    return frozenset(key for source in sources for node in _nodes(source) if (key := block_of(node)))


def _bodies(
    source: str, preheader: str, text: str, findings: list[Finding]
) -> tuple[str, str, tuple[str, ...]]:
    """Compile the MJML and the plain text; both empty after an error."""
    hidden = mask(_with_preview(source, preheader))
    masked = escape_stray(hidden.text)
    structure = read_structure(hidden, masked)
    findings += structure.findings
    for check in (contrast_findings, client_findings, link_findings):
        findings += check(hidden, masked)
    if any(finding.severity == "error" for finding in structure.findings):
        return "", "", ()
    wrapped = hidden.token.sub(lambda match: _wrapped(match, structure.wrap), masked)
    compiled = _compile_mjml(wrapped, hidden, findings)
    if not compiled:
        return "", "", ()
    table = LinkTable(replace(hidden, pieces=_framed(hidden.pieces, structure.wrap)))
    with_words = table.replace_hrefs(_FRACTION.sub(r'\1"', compiled))
    out_html = table.as_html(_TAG.sub(_broken, with_words))
    out_text = table.as_text(html_to_text(with_words))
    links = table.links
    if text.strip():
        written = LinkTable(mask(text), links=links)
        out_text = written.as_text(written.replace_plain(written.mask.text))
        table.findings += [_in_text(finding) for finding in written.findings]
    findings += table.findings
    for template_source, parse in ((out_html, parsed_html), (out_text, parsed_text)):
        try:
            parse(template_source)
        except LiquidError as error:
            findings.append(Finding("error", f"The compiled message is not valid Liquid: {error.message}"))
            return "", "", ()
    return out_html, out_text, tuple(links)


def _broken(tag: re.Match[str]) -> str:
    """Break the line inside a tag where a blank may stand: after its name, and before and after its style."""
    name, attributes = tag[1], tag[2]
    whole = f"{name}\n{attributes}" if name else tag[0].removesuffix(">")
    before, style, after = whole.rpartition(' style="')
    if not style:
        return f"{whole}>"
    end = "\n" if after.endswith('"') else ""
    return f'{before}\nstyle="{after}{end}>'


def _with_preview(source: str, preheader: str) -> str:
    """Add the preheader as the hidden preview, on the line of the opening tag so that line numbers stay."""
    if not preheader.strip() or "<mj-preview" in source:
        return source
    hidden = mask(preheader)
    element = f"<mj-preview>{hidden.restore(html.escape(hidden.text, quote=False))}</mj-preview>"
    head = _HEAD.search(source)
    if head:
        return source[: head.end()] + element + source[head.end() :]
    return re.sub(r"<mjml\b[^>]*>", lambda match: f"{match[0]}<mj-head>{element}</mj-head>", source, count=1)


def _wrapped(match: re.Match[str], wrap: dict[int, str]) -> str:
    return f"<mj-raw>{match[0]}</mj-raw>" if int(match[1]) in wrap else match[0]


def _framed(pieces: tuple[str, ...], wrap: dict[int, str]) -> tuple[str, ...]:
    """Tell each slot and block between elements what ready HTML needs around it there."""
    framed = list(pieces)
    for index, parent in wrap.items():
        frame = _FRAME_OF.get(parent)
        if frame and _BLOCK.match(pieces[index]):
            framed[index] = f'{{% frame "{frame}" %}}{pieces[index]}{{% endframe %}}'
        elif frame:
            framed[index] = _SLOT.sub(rf'\1, frame: "{frame}" \2', pieces[index])
    return tuple(framed)


def _compile_mjml(wrapped: str, hidden: Mask, findings: list[Finding]) -> str:
    try:
        # Without `fonts` the compiler would have every reader fetch web fonts from a third party.
        return mjml2html(wrapped, fonts={}, include_loader=_refuse_include)
    except (ValueError, OSError) as error:
        position = _POSITION.search(str(error))
        line = None
        if position and position[1]:
            before = wrapped.encode()[: int(position[1])].decode(errors="ignore")
            line = hidden.line_after(before)
        findings.append(Finding("error", f"MJML: {_POSITION.sub('', str(error))}.", line=line))
        return ""


def _refuse_include(path: str) -> str:
    raise ValueError(f"mj-include is not allowed ({path})")


def _parse(part: Part, source: str, findings: list[Finding]) -> MessageTemplate | None:
    try:
        template = check_source(source)
    except LiquidError as error:
        context = error.context()
        line = context[0] if context else unclosed_line(source)
        findings.append(Finding("error", f"Liquid: {error.message}.", part, line))
        return None
    for name, uses in template.analyze().filters.items():
        if name not in template.env.filters:
            line = line_at(source, uses[0].index)
            findings.append(Finding("error", f"Liquid: unknown filter '{name}'.", part, line))
    return template


def _variables(
    part: Part, source: str, template: MessageTemplate, known: Collection[str], findings: list[Finding]
) -> set[str]:
    """List the paths read from outside the template, and warn about those that no context will hold."""
    paths: set[str] = set()
    for uses in template.analyze().globals.values():
        for use in uses:
            path = str(use)
            if path not in paths and not is_known(path, known):
                line = line_at(source, use.span.index)
                findings.append(Finding("warning", f"Nothing provides the variable {path}.", part, line))
            paths.add(path)
    return paths


def _block_findings(
    part: Part, source: str, template: MessageTemplate, blocks: Collection[str] | None
) -> Iterable[Finding]:
    """Refuse blocks that are not there, and such as only data could name: they could not be kept with a launch."""
    for node in _nodes(template):
        key = block_of(node)
        line = line_at(source, node.token.start_index)
        if key is not None and blocks is None:
            yield Finding("error", "A block shows no other block.", part, line)
        elif key == "":
            yield Finding("error", 'Name a block in quotes, like {% render "offer" %}.', part, line)
        elif key and key not in (blocks or ()):
            yield Finding("error", f'There is no block "{key}".', part, line)


def _content_findings(compiled_html: str, compiled_text: str, subject: str) -> Iterable[Finding]:
    size = len(compiled_html.encode())
    if size > CLIP_BYTES:
        yield Finding(
            "warning", f"The HTML has {size // 1024} KB before data; Gmail clips messages at 102 KB."
        )
    if "unsubscribe_url" not in parsed_html(compiled_html).analyze().globals:
        yield Finding("error", "There is no unsubscribe link: add a link to {{ unsubscribe_url }}.")
    if "unsubscribe_url" not in parsed_text(compiled_text).analyze().globals:
        yield Finding("warning", "The plain text has no unsubscribe link.", "text")
    if not subject.strip():
        yield Finding("error", "The subject is empty.", "subject")


def _once(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(dict.fromkeys(findings))


def _in_text(finding: Finding) -> Finding:
    return replace(finding, part="text")


def _nodes(template: MessageTemplate) -> Iterable[Node]:
    """Walk a parsed template in the order of its source."""
    pending = list(reversed(template.nodes))
    context = template.context_class(template)
    while pending:
        node = pending.pop()
        yield node
        pending += reversed(list(node.children(context)))
