"""YAML and JSON texts as plain data, with the types that JSON has and nothing else."""

import json
import re
from typing import Any

import yaml


class PlainDataError(ValueError):
    """A text that cannot be read, with the line."""


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
            raise PlainDataError(f"{place}: anchors and aliases are not taken.")
        if getattr(event, "tag", None) is not None:
            raise PlainDataError(f"{place}: tags are not taken; write the value without {event.tag[:50]!r}.")
        return super().compose_node(parent, index)

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        """Build a value; a number that Python cannot read is refused with its line."""
        try:
            return super().construct_object(node, deep)
        except PlainDataError:
            raise
        except ValueError as error:
            place = f"line {node.start_mark.line + 1}"
            raise PlainDataError(f"{place}: this number cannot be read.") from error

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping whose keys are all different."""
        built = super().construct_mapping(node, deep=True)
        if len(built) != len(node.value):
            raise PlainDataError(f"line {node.start_mark.line + 1}: a key stands there twice.")
        return built


_PlainLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), ["t", "f"])


def load_plain(written: str) -> Any:
    """Return the value of a JSON text, or of a YAML text with JSON's types only.

    Raises PlainDataError with the line: for a key that stands there twice, NaN, anchors, tags, and what is neither.
    """
    try:
        if written.lstrip()[:1] in ("{", "["):
            return json.loads(written, object_pairs_hook=_unique, parse_constant=_no_number)
        return yaml.load(written, _PlainLoader)  # noqa: S506 - a SafeLoader
    except json.JSONDecodeError as error:
        raise PlainDataError(f"line {error.lineno}: {error.msg}.") from error
    except PlainDataError:
        raise
    except ValueError as error:
        raise PlainDataError("document: a number in it has too many digits.") from error
    except RecursionError as error:
        raise PlainDataError("document: nested too deep.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}" if mark else "document"
        raise PlainDataError(f"{place}: {getattr(error, 'problem', None) or 'not YAML'}.") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    built = dict[str, Any]()
    for key, value in pairs:
        if key in built:
            raise PlainDataError(f"document: the key {key[:50]!r} stands twice in one object.")
        built[key] = value
    return built


def _no_number(written: str) -> Any:
    raise PlainDataError(f"document: {written} is no number.")
