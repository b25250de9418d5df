"""All rule sets as a folder of files, one each, and back: safe to keep in Git.

A file holds the rule set's name and slot, its rules and its test cases. Files are written in one spelling, so that
writing what was read changes no byte after the first time; comments are not kept.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import audit
from accounts.models import User
from accounts.roles import Permission
from common.clock import now
from rules.cases import check_case
from rules.documents import DocumentError, checksum, parse_document
from rules.drafts import Refused, check_references, save_draft
from rules.files import dump_text, load_text, ordered
from rules.models import RuleDraft, RuleSet, RuleTest
from rules.versions import publish_document, retire
from rules.wording import DiffLine, text_diff

SUFFIXES = (".yaml", ".yml", ".json")
_HEADER = ("key", "name", "slot", "needs_approval")
_DOCUMENT = ("rules", "otherwise")
_MOST_TESTS = 200


class FolderError(ValueError):
    """Files that cannot be used; each line of the message names the file and the place."""


class _OnlyTried(Exception):
    """Ends a trial, so that nothing of it stays."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, checked."""

    key: str
    name: str
    slot: str
    needs_approval: bool
    document: dict[str, Any]
    tests: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Step:
    """What an import does to one rule set, in words, and the lines of its rules that change."""

    key: str
    what: tuple[str, ...]
    lines: tuple[DiffLine, ...]


def export_folder(folder: Path) -> list[Path]:
    """Write a file for each rule set: what is live, or else its draft. Returns the paths, changed or not.

    A rule set keeps the file that has its key inside, or else its name; what stands there as JSON stays JSON. One
    without rules has no file; files of others stay.
    """
    folder.mkdir(parents=True, exist_ok=True)
    there = _files_by_key(folder)
    written = []
    for rule_set in RuleSet.objects.select_related("live_version", "draft").order_by("key"):
        if (content := content_of(rule_set)) is None:
            continue
        path = there.get(rule_set.key) or _free_path(folder, rule_set.key)
        path.write_text(spell(content, as_json=path.suffix == ".json"), encoding="utf-8")
        written.append(path)
    return written


def _files_in(folder: Path) -> list[Path]:
    return sorted(one for one in folder.iterdir() if one.suffix in SUFFIXES)


def _files_by_key(folder: Path) -> dict[str, Path]:
    named: dict[str, Path] = {}
    inside: dict[str, Path] = {}
    for path in _files_in(folder):
        try:
            content = load_text(path.read_text(encoding="utf-8"))
        except (DocumentError, UnicodeDecodeError):
            content = None
        key = content.get("key") if isinstance(content, dict) else None
        if isinstance(key, str):
            inside.setdefault(key, path)
        else:
            named.setdefault(path.stem, path)
    return named | inside


def _free_path(folder: Path, key: str) -> Path:
    """A path that no file has; keys have no dots, so that no other rule set's file is called like a later one."""
    paths = (folder / f"{key}{number}{SUFFIXES[0]}" for number in chain([""], map(".{}".format, count(2))))
    return next(path for path in paths if not path.exists())


def content_of(rule_set: RuleSet) -> dict[str, Any] | None:
    """Return what the file of a rule set says; None where it has no rules yet."""
    source = rule_set.live_version or getattr(rule_set, "draft", None)
    if source is None:
        return None
    content: dict[str, Any] = {"key": rule_set.key, "name": rule_set.name, "slot": rule_set.slot}
    if rule_set.needs_approval:
        content["needs_approval"] = True
    tests = [_written(case) for case in rule_set.tests.all()]
    return content | source.document | ({"tests": tests} if tests else {})


def spell(content: Any, *, as_json: bool = False) -> str:
    """Return the one spelling of a file."""
    return (
        json.dumps(ordered(content), ensure_ascii=False, indent=2) + "\n" if as_json else dump_text(content)
    )


def _written(case: RuleTest) -> dict[str, Any]:
    return {"name": case.name, "customer": case.customer, "expect": case.expected}


def read_folder(folder: Path) -> list[Entry]:
    """Return the checked files of a folder in the order of their keys. Raises FolderError with all that is wrong."""
    if not folder.is_dir():
        raise FolderError(f"{folder}: there is no such folder.")
    entries, problems = [], []
    for path in _files_in(folder):
        try:
            entries.append(read_entry(path.read_text(encoding="utf-8")))
        except (DocumentError, UnicodeDecodeError) as error:
            problems.append(f"{path.name}: {error}")
    keys = Counter(entry.key for entry in entries)
    problems += [f"{key}: {times} files have this key." for key, times in keys.items() if times > 1]
    if problems:
        raise FolderError("\n".join(problems))
    return sorted(entries, key=lambda entry: entry.key)


def read_entry(written: str) -> Entry:
    """Return the checked content of one file. Raises DocumentError with the place."""
    content = load_text(written)
    if not isinstance(content, dict):
        raise DocumentError("document: expected key, name, slot, rules and otherwise.")
    for name in content:
        if name not in (*_HEADER, *_DOCUMENT, "tests"):
            raise DocumentError(f"{str(name)[:50]}: is not known here.")
    for name in ("key", "name", "slot"):
        if not isinstance(content.get(name), str) or not content[name]:
            raise DocumentError(f"{name}: is missing.")
    if not isinstance(content.get("needs_approval", False), bool):
        raise DocumentError("needs_approval: expected true or false.")
    document = {name: content[name] for name in _DOCUMENT if name in content}
    parse_document(document)
    return Entry(
        key=content["key"],
        name=content["name"],
        slot=content["slot"],
        needs_approval=content.get("needs_approval", False),
        document=document,
        tests=tuple(_tests(content.get("tests", []))),
    )


def _tests(raw: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(raw, list) or len(raw) > _MOST_TESTS:
        raise DocumentError(f"tests: expected a list of at most {_MOST_TESTS}.")
    seen: set[str] = set()
    for position, case in enumerate(raw):
        place = f"tests[{position}]"
        if not isinstance(case, dict) or set(case) != {"name", "customer", "expect"}:
            raise DocumentError(f"{place}: expected name, customer and expect.")
        try:
            check_case(case["name"], case["customer"], case["expect"], now=now())
        except DocumentError as error:
            raise DocumentError(f"{place}.{error}") from error
        if case["name"] in seen:
            raise DocumentError(f"{place}.name: another test is called “{case['name']}”.")
        seen.add(case["name"])
        yield case


def colleague(email: str | None) -> User | None:
    """Return who is said to have written files, None where nobody is. Raises FolderError for a stranger."""
    if email is None:
        return None
    found = User.objects.filter(email__iexact=email, is_active=True).first()
    if found is None or not found.may(Permission.EDIT):
        raise FolderError(f"--author {email}: there is no colleague of this address who may write rules.")
    return found


def import_entries(
    entries: Iterable[Entry],
    *,
    publish: bool = False,
    prune: bool = False,
    replace_drafts: bool = False,
    drop_approval: bool = False,
    author: User | None = None,
    is_trial: bool = False,
) -> list[Step]:
    """Bring rule sets, test cases and rules to what the files say, all or nothing; the same again does nothing.

    Rules become drafts, or with `publish` live versions, which their test cases gate; where a second person has to
    approve they become drafts all the same. A draft that says something else is only overwritten with
    `replace_drafts`. A file may ask for that second person, but only `drop_approval` lets one that does not ask
    take them away; `author`, who wrote the files, has to be named where there is one. With `prune`, rule sets and
    test cases that no file names go: what was never published is deleted, the rest retired. A trial changes
    nothing. Raises FolderError.
    """
    steps: list[Step] = []
    try:
        with transaction.atomic():
            entries = list(entries)
            for entry in entries:
                steps.append(
                    _import_one(
                        entry,
                        publish=publish,
                        prune=prune,
                        replace_drafts=replace_drafts,
                        drop_approval=drop_approval,
                        author=author,
                    )
                )
            if prune:
                steps.extend(_prune({entry.key for entry in entries}))
            if is_trial:
                raise _OnlyTried
    except _OnlyTried:
        pass
    return steps


def _import_one(
    entry: Entry,
    *,
    publish: bool,
    prune: bool,
    replace_drafts: bool,
    drop_approval: bool,
    author: User | None,
) -> Step:
    rule_set = (
        RuleSet.objects.select_for_update(of=("self",))
        .select_related("live_version")
        .filter(key=entry.key)
        .first()
    )
    live = rule_set.live_version if rule_set else None
    what = []
    if rule_set and rule_set.needs_approval and not drop_approval:
        entry = replace(entry, needs_approval=True)
    try:
        rule_set, header = _header(entry, rule_set)
        what += [*header, *_bring_tests(rule_set, entry, prune=prune)]
        check_references(parse_document(entry.document))
        if live is None or live.checksum != checksum(entry.document):
            what += _bring_rules(
                rule_set, entry, publish=publish, replace_drafts=replace_drafts, author=author
            )
    except (DocumentError, Refused) as error:
        raise FolderError(f"{entry.key}: {error}") from error
    lines = text_diff(live.document, entry.document) if live else ()
    return Step(entry.key, tuple(what), tuple(lines))


def _header(entry: Entry, rule_set: RuleSet | None) -> tuple[RuleSet, list[str]]:
    names = ("name", "slot", "needs_approval")
    what = [] if rule_set else ["new rule set"]
    stored = rule_set or RuleSet(key=entry.key)
    changed = [name for name in names if getattr(stored, name) != getattr(entry, name)]
    if rule_set and not changed:
        return stored, []
    what += [f"{name.replace('_', ' ')}: {getattr(entry, name)}" for name in changed]
    for name in names:
        setattr(stored, name, getattr(entry, name))
    try:
        stored.full_clean()
    except ValidationError as error:
        field, reasons = next(iter(error.message_dict.items()))
        raise DocumentError(f"{field}: {reasons[0]}") from error
    stored.save(update_fields=changed if rule_set else None)
    audit.record(None, "imported rule set", stored, detail="; ".join(what))
    return stored, what


def _bring_tests(rule_set: RuleSet, entry: Entry, *, prune: bool) -> Iterator[str]:
    stored = {case.name: case for case in rule_set.tests.all()}
    for wanted in entry.tests:
        case = stored.pop(wanted["name"], None)
        if case is None:
            yield f"new test “{wanted['name']}”"
        elif checksum(_written(case)) != checksum(dict(wanted)):
            yield f"changed test “{wanted['name']}”"
        else:
            continue
        RuleTest.objects.update_or_create(
            rule_set=rule_set,
            name=wanted["name"],
            defaults={"customer": wanted["customer"], "expected": wanted["expect"]},
        )
    for name, case in stored.items() if prune else ():
        case.delete()
        yield f"deleted test “{name}”"


def _bring_rules(
    rule_set: RuleSet, entry: Entry, *, publish: bool, replace_drafts: bool, author: User | None
) -> Iterator[str]:
    draft = RuleDraft.objects.select_related("author").filter(rule_set=rule_set).first()
    is_same = draft is not None and checksum(draft.document) == checksum(entry.document)
    if draft is not None and not is_same and not replace_drafts:
        raise Refused(
            f"{draft.author or 'A program'} has a draft that says something else; --replace-drafts drops it."
        )
    if publish and not rule_set.needs_approval:
        version = publish_document(rule_set, entry.document, author=author, note="Imported")
        yield f"published as version {version.number}"
    elif not is_same:
        if rule_set.needs_approval and author is None:
            raise Refused("a second person has to approve it, so --author says who wrote it.")
        save_draft(rule_set, entry.document, author=author, note="Imported")
        yield "saved as a draft" + ("; a second person has to approve it" if publish else "")


def _prune(keys: set[str]) -> Iterator[Step]:
    for rule_set in RuleSet.objects.exclude(key__in=keys).order_by("key"):
        if not rule_set.versions.exists():
            audit.record(None, "deleted rule set", rule_set.key)
            rule_set.delete()
            yield Step(rule_set.key, ("deleted",), ())
        elif rule_set.live_version_id is not None or RuleDraft.objects.filter(rule_set=rule_set).exists():
            retire(rule_set, by=None)
            yield Step(rule_set.key, ("retired: it decides nothing any more",), ())
