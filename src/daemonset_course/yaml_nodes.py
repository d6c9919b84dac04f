"""Read one YAML document as ``sigs.k8s.io/yaml`` does, which is kubectl's reader. Pure.

That reader is go-yaml v2: YAML 1.1 with differences. ``12:30`` is a string, ``017`` and ``0o17``
are octal, a date stays the text that it is, the last of two equal keys counts, a merge overwrites
the keys above it, and what follows the first document is not read. The parser beneath is libyaml,
of which go-yaml's parser is a translation.

Sources: ``resolve.go`` and ``decode.go`` of go.yaml.in/yaml/v2 2.4.4, ``yaml.go`` of
sigs.k8s.io/yaml 1.6.0.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import yaml

# Without libyaml, PyYAML's own parser reads the same YAML, slower.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# go-yaml allows 10,000, and Python's stack does not; no field of Kubernetes is as deep.
DEEPEST = 150

_STANDARD = "tag:yaml.org,2002:"
_WORDS: dict[str, object] = {
    **dict.fromkeys(
        ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True
    ),
    **dict.fromkeys(
        ("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False
    ),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_POINT = re.compile(r"\.[0-9]+([eE][-+]?[0-9]+)?")
_INTEGER = re.compile(
    r"(?P<sign>[-+]?)(0[xX](?P<x>[0-9a-fA-F]+)|0[bB](?P<b>[01]+)|0[oO](?P<o>[0-7]+)"
    r"|0(?P<old>[0-7]+)|(?P<d>0|[1-9][0-9]*))"
)
_BASES = {"x": 16, "b": 2, "o": 8, "old": 8, "d": 10}
_DATE = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:[Tt](\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,]\d+)?(?:Z|[-+]\d\d:\d\d)"
    r"| (\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,]\d+)?)?"
)
_LARGEST = 2**64
_TYPES: dict[str, type | None] = {
    "bool": bool, "int": int, "float": float, "null": type(None), "str": str, "timestamp": None,
}  # fmt: skip


class UnreadableError(ValueError):
    """The document cannot be read; ``line`` counts from zero, in the document."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem)
        self.line = line


@dataclass(slots=True)
class Node:
    """A scalar, mapping, sequence or alias of a document, as it is written."""

    kind: str
    line: int
    value: str = ""
    tag: str = ""
    is_plain: bool = False
    children: list[Node] = field(default_factory=list)

    @property
    def pairs(self) -> Iterator[tuple[Node, Node]]:
        """The keys and values of a mapping."""
        return zip(self.children[::2], self.children[1::2], strict=True)


def compose(text: str) -> Node | None:
    """Return the first document of a text as it is written; None if there is none.

    Raises:
        UnreadableError: the text is no YAML.
    """
    try:
        loader = _LOADER(text)
    except (yaml.YAMLError, UnicodeError) as error:
        raise _unreadable(error) from error
    try:
        return _first(loader)
    except (yaml.YAMLError, UnicodeError) as error:
        raise _unreadable(error) from error
    finally:
        loader.dispose()


def decode(node: Node | None) -> Any:
    """Return the value of a document as it stands in JSON.

    Raises:
        UnreadableError: a value is not what its tag says, or is none of JSON.
    """
    return None if node is None else _Decoder().value(node)


def scalar(node: Node) -> Any:
    """Return the value of a scalar; a date is a string.

    Raises:
        UnreadableError: the value is not what its tag says.
    """
    name = node.tag.removeprefix(_STANDARD)
    if node.tag == f"{_STANDARD}binary":
        return _binary(node)
    own_tag = bool(node.tag) and (name == node.tag or name not in _TYPES)
    if own_tag or name == "str" or not (node.tag or node.is_plain):
        return node.value
    if name in ("", "timestamp") and _is_date(node.value):
        return node.value
    found = _resolved(node.value)
    if name == "float" and type(found) is int:
        return float(found)
    if name and type(found) is not _TYPES[name]:
        raise UnreadableError(f"{node.value!r} is not what its tag !!{name} says", node.line)
    return found


def number(found: float) -> float:
    """Return a number as Go's JSON has it: an integer if it has no fraction, below 1e21.

    Raises:
        UnreadableError: it is not finite, and JSON has no such number.
    """
    if isinstance(found, bool):
        return found
    if isinstance(found, int) and -(2**63) <= found < 2**63:
        return found
    try:
        real = float(found)
    except OverflowError:
        real = math.inf
    if not math.isfinite(real):
        raise UnreadableError(f"JSON has no number {real}")
    return int(Decimal(repr(real))) if real.is_integer() and abs(real) < 1e21 else real


def _unreadable(error: Exception) -> UnreadableError:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    return UnreadableError(str(problem), None if mark is None else mark.line)


def _first(loader: Any) -> Node | None:
    """Return the root of the first document; the parser's events come without recursion."""
    root = Node("root", 0)
    open_nodes = [root]
    anchors: dict[str, Node] = {}
    while True:
        event = loader.get_event()
        if event is None or isinstance(event, (yaml.StreamEndEvent, yaml.DocumentEndEvent)):
            return root.children[0] if root.children else None
        if isinstance(event, (yaml.StreamStartEvent, yaml.DocumentStartEvent)):
            continue
        if isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            open_nodes.pop()
            continue
        node = _node(event, anchors)
        open_nodes[-1].children.append(node)
        if node.kind in ("mapping", "sequence"):
            open_nodes.append(node)
        if len(open_nodes) > DEEPEST:
            raise UnreadableError(f"it is nested deeper than {DEEPEST} levels", node.line)


def _node(event: Any, anchors: dict[str, Node]) -> Node:
    line = event.start_mark.line
    if isinstance(event, yaml.AliasEvent):
        if event.anchor not in anchors:
            raise UnreadableError(f"unknown anchor '{event.anchor}' referenced", line)
        return Node("alias", line, event.anchor, children=[anchors[event.anchor]])
    if isinstance(event, yaml.ScalarEvent):
        tag = "" if event.tag in (None, "!") else event.tag
        node = Node("scalar", line, event.value, tag, event.implicit[0] and event.tag != "!")
    else:
        node = Node("mapping" if isinstance(event, yaml.MappingStartEvent) else "sequence", line)
    if event.anchor is not None:
        anchors[event.anchor] = node
    return node


class _Decoder:
    """Decode the nodes of one document; counts what aliases add, as go-yaml does."""

    def __init__(self) -> None:
        self._decoded = self._by_alias = self._depth = self._levels = 0
        self._open: set[int] = set()

    def value(self, node: Node) -> Any:
        self._count(node)
        if node.kind == "scalar":
            found = scalar(node)
            return number(found) if isinstance(found, (int, float)) else found
        if node.kind == "alias":
            with_alias = self._enter(node)
            found = self.value(with_alias)
            self._leave(node)
            return found
        self._levels += 1
        if self._levels > DEEPEST:
            raise UnreadableError(f"it is nested deeper than {DEEPEST} levels", node.line)
        if node.kind == "mapping":
            whole: Any = {}
            self._fill(whole, node)
        else:
            whole = [*map(self.value, node.children)]
        self._levels -= 1
        return whole

    def _count(self, node: Node) -> None:
        self._decoded += 1
        self._by_alias += self._depth > 0
        share = 0.99 - 0.89 * min(max((self._decoded - 400_000) / 3_600_000, 0.0), 1.0)
        if self._by_alias > 100 and self._decoded > 1000 and self._by_alias / self._decoded > share:
            raise UnreadableError("document contains excessive aliasing", node.line)

    def _enter(self, alias: Node) -> Node:
        if id(alias) in self._open:
            raise UnreadableError(f"anchor '{alias.value}' value contains itself", alias.line)
        self._open.add(id(alias))
        self._depth += 1
        return alias.children[0]

    def _leave(self, alias: Node) -> None:
        self._depth -= 1
        self._open.discard(id(alias))

    def _fill(self, found: dict[str, Any], mapping: Node) -> None:
        for key, value in mapping.pairs:
            if _is_merge(key):
                self._merge(found, value)
            else:
                name = self._key(key)
                found[name] = self.value(value)

    def _key(self, node: Node) -> str:
        at = node.children[0] if node.kind == "alias" else node
        if at.kind != "scalar":
            raise UnreadableError("a mapping or a list cannot be a key", node.line)
        self._count(node)
        if node is not at:
            self._count(at)
        found = scalar(at)
        if found is None or (isinstance(found, int) and found >= 2**63):
            raise UnreadableError(f"{at.value!r} cannot be a key", node.line)
        if isinstance(found, bool):
            return str(found).lower()
        return _short(found) if isinstance(found, float) else str(found)

    def _merge(self, found: dict[str, Any], node: Node) -> None:
        # Earlier mappings of a list take precedence, so they come last.
        parts = node.children[::-1] if node.kind == "sequence" else [node]
        for part in parts:
            at = part.children[0] if part.kind == "alias" else part
            if at.kind != "mapping":
                raise UnreadableError("map merge requires map or sequence of maps", part.line)
            self._count(part)
            if part.kind == "alias":
                self._enter(part)
                self._count(at)
            self._levels += 1
            if self._levels > DEEPEST:
                raise UnreadableError(f"it is nested deeper than {DEEPEST} levels", part.line)
            self._fill(found, at)
            self._levels -= 1
            if part.kind == "alias":
                self._leave(part)


def _is_merge(node: Node) -> bool:
    merge = node.is_plain or node.tag == f"{_STANDARD}merge"
    return node.kind == "scalar" and node.value == "<<" and merge


def _binary(node: Node) -> str:
    try:
        data = base64.b64decode(re.sub(r"[\r\n]", "", node.value), validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnreadableError("!!binary value contains invalid base64 data", node.line) from error
    # Go's JSON writes U+FFFD for each byte that is no UTF-8.
    return re.sub("[\udc80-\udcff]", "\ufffd", data.decode("utf-8", "surrogateescape"))


def _resolved(text: str) -> object:
    """Return the value of a plain scalar without a tag that is no date."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] == "." and _POINT.fullmatch(text):
        return _float(text)
    if text[0] not in "+-0123456789":
        return text
    plain = text.replace("_", "")
    if (found := _integer(plain)) is not None:
        return found
    real = _float(plain) if _FLOAT.fullmatch(plain) else plain
    return text if isinstance(real, str) else real


def _float(text: str) -> float | str:
    found = float(text)
    return text if math.isinf(found) else found


def _integer(text: str) -> int | None:
    """Return what Go's ``strconv.ParseInt`` or ``ParseUint`` with base 0 reads, in 64 bits."""
    match = _INTEGER.fullmatch(text)
    if match is None or len(text) > 70:
        return None
    (base,) = (name for name in _BASES if match[name] is not None)
    found = int(match["sign"] + match[base], _BASES[base])
    unsigned = not match["sign"] and found < _LARGEST
    return found if unsigned or -(2**63) <= found < 2**63 else None


def _is_date(text: str) -> bool:
    match = _DATE.fullmatch(text)
    if match is None:
        return False
    year, month, day, *clock = (int(part) for part in match.groups() if part is not None)
    try:
        date(year or 1, month, day)  # Go has a year 0
    except ValueError:
        return False
    return all(part < limit for part, limit in zip(clock, (24, 60, 60), strict=False))


def _short(value: float) -> str:
    """Return Go's ``FormatFloat(value, 'g', -1, 32)``: the shortest text of a 32-bit float."""
    if math.isnan(value):
        return ".nan"
    try:
        (single,) = struct.unpack("f", struct.pack("f", value))
    except OverflowError:
        single = math.copysign(math.inf, value)
    if math.isinf(single):
        return ".inf" if single > 0 else "-.inf"
    for digits in range(9):
        text = f"{single:.{digits}e}"
        if struct.unpack("f", struct.pack("f", float(text)))[0] == single:
            break
    exponent = int(text.partition("e")[2])
    return text if not -5 < exponent < 6 else f"{Decimal(text):f}"
