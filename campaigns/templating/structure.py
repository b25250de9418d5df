"""Read the element tree of an MJML source, to place Liquid in it and to name faults with their line.

The MJML compiler says little about a fault's place and drops unknown elements in silence.
"""

import re
from dataclasses import dataclass, field

from .findings import Finding, Severity
from .masking import Mask

# Elements whose content is other elements: Liquid between those has to be wrapped.
CONTAINERS = frozenset({"mj-head", "mj-body", "mj-wrapper", "mj-section", "mj-group", "mj-column", "mj-hero"})
# Containers whose compiler refuses even mj-raw.
CLOSED = frozenset(
    {"mjml", "mj-social", "mj-navbar", "mj-accordion", "mj-accordion-element", "mj-carousel", "mj-attributes"}
)
# Elements whose content is HTML or text, handed through.
ENDING = frozenset(
    {"mj-accordion-text", "mj-accordion-title", "mj-button", "mj-navbar-link", "mj-preview", "mj-raw"}
    | {"mj-social-element", "mj-style", "mj-table", "mj-text", "mj-title"}
)
EMPTY = frozenset(
    {
        "mj-all",
        "mj-breakpoint",
        "mj-carousel-image",
        "mj-class",
        "mj-divider",
        "mj-font",
        "mj-image",
        "mj-spacer",
    }
)
KNOWN = CONTAINERS | CLOSED | ENDING | EMPTY

DEEPEST = 30
MOST_FINDINGS = 100

_TAG = re.compile(
    r"""<!--.*?-->|<(?P<close>/?)(?P<name>[A-Za-z][\w:.-]*)(?P<attrs>(?:[^<>"']|"[^"]*"|'[^']*')*)>""",
    re.DOTALL,
)
_STRAY = re.compile(r"<(?![A-Za-z/!?])")
_ALT = re.compile(r"\salt\s*=")


@dataclass(slots=True)
class Structure:
    """What was found: where each hidden piece of Liquid stands, and what is wrong."""

    wrap: dict[int, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def escape_stray(masked: str) -> str:
    """Write a `<` that opens no tag ("a < b" in a text) as `&lt;`, which the MJML parser understands."""
    return _STRAY.sub("&lt;", masked)


def read_structure(mask: Mask, masked: str) -> Structure:
    """Walk the elements of a masked source (as `masked`, `escape_stray` applied).

    `wrap` names, for each piece of Liquid that stands between elements, the element it stands in.
    """
    structure = Structure()
    stack: list[tuple[str, int]] = []
    end = 0
    for match in _TAG.finditer(masked):
        _place(mask, masked, end, match.start(), stack, structure)
        end = match.end()
        if match["name"]:
            _enter_or_leave(mask, match, stack, structure)
        if len(stack) > DEEPEST:
            line = mask.line_after(masked[: match.start()])
            structure.findings.append(
                Finding("error", f"Elements stand in each other {DEEPEST} deep.", line=line)
            )
            return structure
        if len(structure.findings) >= MOST_FINDINGS:
            return structure
    for name, offset in stack[:MOST_FINDINGS]:
        _never_closed(mask, masked, name, offset, structure)
    return structure


def _enter_or_leave(
    mask: Mask, match: re.Match[str], stack: list[tuple[str, int]], structure: Structure
) -> None:
    name, attributes = match["name"].lower(), match["attrs"]

    def say(severity: Severity, message: str) -> None:
        line = mask.line_after(match.string[: match.start()])
        structure.findings.append(Finding(severity, message, line=line))

    if not name.startswith("mj"):
        if name == "img" and not _ALT.search(attributes):
            say("warning", "A picture has no alt text.")
        return
    if match["close"]:
        _leave(mask, match, stack, structure)
        return
    if name not in KNOWN:
        say("error", f"<{name}> is no MJML element.")
    if name == "mj-image" and not _ALT.search(attributes):
        say("warning", 'A picture has no alt text (alt="" if it only decorates).')
    if not attributes.endswith("/"):
        stack.append((name, match.start()))


def _leave(mask: Mask, match: re.Match[str], stack: list[tuple[str, int]], structure: Structure) -> None:
    """Close an element, and name those inside it that were left open."""
    name = match["name"].lower()
    if not any(open_name == name for open_name, _ in stack):
        but = f", but <{stack[-1][0]}> is open" if stack else ""
        line = mask.line_after(match.string[: match.start()])
        structure.findings.append(Finding("error", f"</{name}> closes nothing{but}.", line=line))
        return
    while stack[-1][0] != name:
        _never_closed(mask, match.string, *stack.pop(), structure)
    stack.pop()


def _never_closed(mask: Mask, masked: str, name: str, offset: int, structure: Structure) -> None:
    line = mask.line_after(masked[:offset])
    structure.findings.append(Finding("error", f"<{name}> is never closed.", line=line))


def _place(
    mask: Mask, masked: str, start: int, end: int, stack: list[tuple[str, int]], structure: Structure
) -> None:
    """Note the Liquid between two tags of a container, and complain where it cannot stand."""
    parent = stack[-1][0] if stack else "mjml"
    if parent not in CONTAINERS and parent not in CLOSED:
        return
    for match in mask.token.finditer(masked, start, end):
        if parent in CONTAINERS:
            structure.wrap[int(match[1])] = parent
        else:
            message = f"Liquid cannot stand between the parts of <{parent}>; put it around the whole element."
            structure.findings.append(
                Finding("error", message, line=mask.line_after(masked[: match.start()]))
            )
    rest = mask.token.sub("", masked[start:end]).strip()
    if rest and stack:
        message = f'The text "{rest[:40]}" stands in <{parent}>, outside an <mj-text>, and would be lost.'
        structure.findings.append(Finding("warning", message, line=mask.line_after(masked[:start])))
