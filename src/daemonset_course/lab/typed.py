"""Check a learner's YAML before it is applied: its size, and values that must be strings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from daemonset_course.errors import BadInput
from daemonset_course.manifest_text import nodes
from daemonset_course.yaml_nodes import Node, UnreadableError, scalar

LARGEST = 3 * 1024 * 1024  # bytes of a request that the API server takes
_LONGEST = 100_000  # characters of a text that is read for an error message
# Maps whose values must be strings, and lists of strings.
_MAPS = ("labels", "annotations", "matchLabels", "nodeSelector")
_LISTS = ("command", "args")
_KINDS: dict[type, str] = {int: "a number", float: "a number", bool: "a boolean"}


def check_size(text: str) -> None:
    """Refuse YAML that no API server takes; to parse it would take minutes.

    Raises:
        BadInput: with its size.
    """
    size = len(text.encode("utf-8", "replace"))
    if size > LARGEST:
        raise BadInput(
            f"The YAML has {size / 2**20:.1f} MiB: nothing was applied.",
            seen=f"the API server takes at most {LARGEST / 2**20:g} MiB in a request",
            next_step="Apply the DaemonSet alone, and put data into a ConfigMap or an image.",
        )


def check_strings(text: str) -> None:
    """Refuse YAML with a number or a boolean in a field that must be a string.

    Broken YAML is not refused here; ``apply`` reports it.

    Raises:
        BadInput: with the first such line, and how to write it.
    """
    for line, value, says in _unquoted(text):
        raise BadInput(
            f"Line {line}: {says}: nothing was applied.",
            seen=text.splitlines()[line - 1].strip(),
            next_step=f'Put it between quotes: "{value}"',
        )


def quotes_missing(text: str) -> str:
    """Return which value of a YAML text needs quotes, with its line; empty if none does.

    A long text is not read: that would take seconds.
    """
    if len(text) > _LONGEST:
        return ""
    for line, value, says in _unquoted(text):
        typed = text.splitlines()[line - 1].strip()
        return f'Line {line} ({typed}): {says}; put it between quotes: "{value}".'
    return ""


def _unquoted(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield the line and value of each that must be a string and is none, and what is wrong."""
    for document, above in nodes(text):
        for what, value in _strings(document):
            with suppress(UnreadableError):
                kind = _KINDS.get(type(scalar(value)))
                if kind is not None:
                    line = above + value.line + 1
                    yield line, value.value, f"{value.value} is {kind}, and {what} must be a string"


def _strings(node: Node) -> Iterator[tuple[str, Node]]:
    """Yield each scalar that must be a string, with the name of its field."""
    if node.kind == "sequence":
        for each in node.children:
            yield from _strings(each)
    elif node.kind == "mapping":
        for key, value in node.pairs:
            yield from _named(key.value, value)
            yield from _strings(value)


def _named(key: str, value: Node) -> Iterator[tuple[str, Node]]:
    found: list[tuple[str, Node]] = []
    if key in _MAPS and value.kind == "mapping":
        found = [(f"{key}.{name.value}", each) for name, each in value.pairs]
    elif key in _LISTS and value.kind == "sequence":
        found = [(f"each item of {key}", each) for each in value.children]
    elif key == "env" and value.kind == "sequence":
        fields = [[*each.pairs] for each in value.children if each.kind == "mapping"]
        found = [
            (f"an env {name.value}", each)
            for pairs in fields
            for name, each in pairs
            if name.value in ("name", "value")
        ]
    yield from ((what, each) for what, each in found if each.kind == "scalar")
