"""Documents as YAML or JSON text, both ways."""

import json
import re
from typing import Any

import yaml

from rules.documents import DocumentError

LARGEST_FILE = 200_000
_READING_ORDER = (
    "key name slot needs_approval rules when then otherwise tests customer expect attributes facts events segments"
    " scores consents experiments all any not attribute fact event score segment consent experiment variant"
    " op value where count within between not_followed_by show recommend strategy set exclude suppress"
)
_RANK = {key: rank for rank, key in enumerate(_READING_ORDER.split())}


class _PlainLoader(yaml.SafeLoader):
    """YAML with JSON's types only: `NO` is the country, a date is its text; no anchors, tags or repeated keys."""

    yaml_implicit_resolvers = {
        letter: [
            (tag, pattern) for tag, pattern in resolvers if tag.rsplit(":", 1)[1] in ("int", "float", "null")
        ]
        for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuse references to other places of the file, and values that are told which type to be."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        place = f"line {event.start_mark.line + 1}"
        if isinstance(event, yaml.AliasEvent):
            raise DocumentError(f"{place}: anchors and aliases are not taken.")
        if getattr(event, "tag", None) is not None:
            raise DocumentError(f"{place}: tags are not taken; write the value without {event.tag[:50]!r}.")
        return super().compose_node(parent, index)

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        """Build a value; a number that Python cannot read is refused with its line."""
        try:
            return super().construct_object(node, deep)
        except DocumentError:
            raise
        except ValueError as error:
            place = f"line {node.start_mark.line + 1}"
            raise DocumentError(f"{place}: this number cannot be read.") from error

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping whose keys are all different."""
        built = super().construct_mapping(node, deep=True)
        if len(built) != len(node.value):
            raise DocumentError(f"line {node.start_mark.line + 1}: a key stands there twice.")
        return built


_PlainLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), ["t", "f"])


def load_text(written: str) -> Any:
    """Return the value of a YAML or JSON text. Raises DocumentError with the line."""
    if len(written) > LARGEST_FILE:
        raise DocumentError(f"document: more than {LARGEST_FILE:,} characters.")
    try:
        if written.lstrip().startswith("{"):
            return json.loads(written)
        return yaml.load(written, _PlainLoader)  # noqa: S506 - a SafeLoader
    except json.JSONDecodeError as error:
        raise DocumentError(f"line {error.lineno}: {error.msg}.") from error
    except DocumentError:
        raise
    except ValueError as error:
        raise DocumentError("document: a number in it has too many digits.") from error
    except RecursionError as error:
        raise DocumentError("document: nested too deep.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}" if mark else "document"
        raise DocumentError(f"{place}: {getattr(error, 'problem', None) or 'not YAML'}.") from error


def dump_text(raw: Any) -> str:
    """Return the value as YAML that `load_text` reads back to the same."""
    return yaml.safe_dump(ordered(raw), sort_keys=False, allow_unicode=True, width=100)


def ordered(raw: Any) -> Any:
    """Return the value with its keys in the order of reading: PostgreSQL keeps them by their length."""
    if isinstance(raw, list):
        return [ordered(item) for item in raw]
    if not isinstance(raw, dict):
        return raw
    keys = sorted(raw, key=lambda key: (_RANK.get(key, len(_RANK)), str(key)))
    return {key: ordered(raw[key]) for key in keys}
