"""Read manifests as kubectl reads them: bytes, documents, lists; and write what it sends. Pure.

kubectl decodes by the byte order mark, takes a text that begins with a brace for JSON, splits YAML
at lines that begin with ``---``, and unfolds lists.

Sources: ``pkg/util/yaml/decoder.go`` and ``pkg/apis/meta/v1/unstructured/helpers.go`` of
k8s.io/apimachinery, ``pkg/resource/visitor.go`` of k8s.io/cli-runtime.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from daemonset_course.errors import BadInput, in_one_line, shown
from daemonset_course.yaml_nodes import Node, UnreadableError, compose, decode, number

Object = dict[str, Any]

_PEEKED = 4096  # characters in which a brace has to begin
_SURROGATE = re.compile("[\ud800-\udfff]")
_JSON_SPACE = re.compile(r"[ \t\r\n]*")
_SEPARATOR = re.compile(r"---(?P<rest>[^\n]*)")
# As Go's JSON: YAML reads both as a line break.
_ESCAPED = {0x2028: "\\u2028", 0x2029: "\\u2029"}


@dataclass(frozen=True, slots=True)
class Document:
    """One document: its value, and the line of the text in which it begins, from one on."""

    value: Any
    line: int


def decoded(data: bytes) -> str:
    """Return the text of a file: UTF-16 by its byte order mark, else UTF-8.

    Bytes that are no text become U+FFFD.
    """
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    return data.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")


def objects(text: str, where: str) -> list[Object]:
    """Return the Kubernetes objects of a text, lists unfolded; ``where`` stands in errors.

    Raises:
        BadInput: a document is broken (with the line), or is no object.
    """
    return [
        item
        for document in documents(text, where)
        for item in unfolded(document.value, f"{where}, line {document.line}")
    ]


def documents(text: str, where: str) -> list[Document]:
    """Return the documents of a text that are not empty, as values of JSON.

    Raises:
        BadInput: a document is broken (with the line).
    """
    found, rest = _json(text.removeprefix("\ufeff"), where)
    for chunk in rest:
        try:
            value = decode(compose(chunk.value))
        except UnreadableError as broken:
            raise _broken(text, where, broken, chunk.line) from broken
        found.append(Document(value, _first_line(chunk)))
    return [document for document in found if document.value is not None]


def nodes(text: str) -> Iterator[tuple[Node, int]]:
    """Yield the YAML documents as they are written, with the lines above each; stops at a fault."""
    try:
        for chunk in _chunks(text, 0):
            if (node := compose(chunk.value)) is not None:
                yield node, chunk.line - 1
    except (UnreadableError, BadInput):
        return


def from_python(value: Mapping[str, Any]) -> Object:
    """Return an object that was made in Python as JSON has it; a date is its text.

    Raises:
        BadInput: JSON has no such value.
    """
    try:
        text = json.dumps(value, default=_in_json, allow_nan=False)
        return dict(_DECODER.decode(text))
    except (TypeError, ValueError, RecursionError) as error:
        raise BadInput(
            "The dict has a value that JSON does not support: nothing was applied.",
            seen=in_one_line(error),
        ) from error


def encoded(item: object) -> str:
    """Return JSON as kubectl sends it: the API server reads an apply patch as YAML.

    Characters are not escaped, because YAML knows no pairs of surrogates.
    """
    return json.dumps(item, ensure_ascii=False, allow_nan=False).translate(_ESCAPED)


def _in_json(value: object) -> str:
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    raise TypeError(f"{type(value).__name__}: {shown(value)}")


class _NoNumberError(ValueError):
    """A number that JSON's grammar has, and no float."""


def _number(text: str) -> float:
    try:
        return number(int(text) if len(text) < 25 and text.lstrip("-").isdigit() else float(text))
    except UnreadableError as error:
        raise _NoNumberError(f"the number {text:.20} is too large") from error


def _no_constant(text: str) -> float:
    raise ValueError(f"JSON has no {text}")


_DECODER = json.JSONDecoder(
    parse_int=_number, parse_float=_number, parse_constant=_no_constant, strict=True
)


def _json(text: str, where: str) -> tuple[list[Document], Iterator[Document]]:
    """Return the JSON documents at the beginning, and the chunks of YAML behind them."""
    found: list[Document] = []
    if not text[:_PEEKED].lstrip().startswith("{"):
        return found, _checked_chunks(text, 0, where)
    at = 0
    while (start := _json_end(text, at)) < len(text):
        try:
            value, at = _DECODER.raw_decode(text, start)
            found.append(Document(_without_surrogates(value), text.count("\n", 0, start) + 1))
        except (ValueError, RecursionError) as error:
            problem = f"as JSON: {getattr(error, 'msg', error)}"
            if isinstance(error, RecursionError):
                problem = "it is nested too deeply"
            begin = getattr(error, "pos", start)
            broken = UnreadableError(problem, text.count("\n", 0, begin))
            # Behind two JSON documents kubectl expects no YAML.
            behind = _behind_json(text, at)
            if (
                len(found) > 1
                or behind is None
                or isinstance(error, _NoNumberError | RecursionError)
            ):
                raise _broken(text, where, broken, 1) from error
            return found, _checked_chunks(text, behind, where)
    return found, iter(())


def _json_end(text: str, at: int) -> int:
    match = _JSON_SPACE.match(text, at)
    return match.end() if match else at


def _behind_json(text: str, at: int) -> int | None:
    """Return where YAML may begin; None if too little is left: kubectl looks at four bytes."""
    while len(text[at : at + 4].encode("utf-8", "replace")) >= 4:
        if not text[at].isspace():
            return at
        at += 1
        if text[at - 1] == "\n":
            return at
    return None


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [*map(_without_surrogates, value)]
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(each) for key, each in value.items()}
    return value


def _checked_chunks(text: str, at: int, where: str) -> Iterator[Document]:
    try:
        yield from _chunks(text, at)
    except UnreadableError as error:
        raise _broken(text, where, error, 1) from error


def _chunks(text: str, at: int) -> Iterator[Document]:
    """Yield the YAML between lines that begin with ``---``, each with its first line."""
    lines: list[str] = []
    number_of_line = text.count("\n", 0, at) + 1
    begin = number_of_line
    body = text[at:].removesuffix("\n")
    for line in body.split("\n") if body else []:
        content = line.removesuffix("\r")
        separator = _SEPARATOR.match(content)
        if separator:
            rest = separator["rest"].strip()
            if rest and not rest.startswith("#"):
                raise UnreadableError(
                    f"kubectl takes nothing but a comment behind ---, not {rest:.40}",
                    number_of_line - 1,
                )
            if lines:
                yield Document("\n".join(lines) + "\n", begin)
                lines = []
                begin = number_of_line + 1
            else:
                lines = [content]
                begin = number_of_line
        else:
            if not lines:
                begin = number_of_line
            lines.append(content)
        number_of_line += 1
    if lines:
        yield Document("\n".join(lines) + "\n", begin)


def _first_line(chunk: Document) -> int:
    lines = chunk.value.splitlines()
    blank = next((i for i, line in enumerate(lines) if line.split("#")[0].strip(" -")), 0)
    return int(chunk.line + blank)


def _broken(text: str, where: str, error: UnreadableError, begin: int) -> BadInput:
    if error.line is None:
        return BadInput(f"{where} is not valid YAML: nothing was applied.", seen=str(error))
    lines = text.split("\n")
    line = min(begin + error.line, len(lines))
    return BadInput(
        f"Line {line} of {where} is not valid YAML: nothing was applied.",
        seen=f"{lines[line - 1].strip()[:200]!r}: {error}",
        next_step="Look at the indentation and the colons of that line and the one above it.",
    )


def unfolded(document: Any, where: str, kind: str = "", version: str = "") -> list[Object]:
    """Return the objects of a document: itself, or those of a list.

    As kubectl, it reads no list within a list.

    Raises:
        BadInput: a part of it is no object.
    """
    if not isinstance(document, dict):
        raise BadInput(
            f"{where} holds {type(document).__name__}, not a Kubernetes object.",
            seen=repr(document)[:200],
            next_step="An object begins with apiVersion, kind and metadata.",
        )
    if kind and not document.get("kind") and not document.get("apiVersion"):
        document = {**document, "kind": kind, "apiVersion": version}
    if "items" not in document:
        return [_checked(document, where)]
    items, own = document["items"] or [], str(document.get("kind") or "")
    if not isinstance(items, list) or not own.endswith("List"):
        raise BadInput(f"The items of an object in {where} are not those of a list.")
    of_items = own.removesuffix("List"), str(document.get("apiVersion") or "")
    found = [unfolded(item, where, *of_items) for item in items]
    if any("items" in item for item in items):
        raise BadInput(
            f"A list in {where} has another list in it: nothing was applied.",
            next_step="Write the objects of the inner list into the outer one.",
        )
    return [one for objects in found for one in objects]


def _checked(document: Object, where: str) -> Object:
    missing = [key for key in ("apiVersion", "kind", "metadata") if not document.get(key)]
    metadata = document.get("metadata")
    if not missing and not isinstance(metadata, Mapping):
        raise BadInput(
            f"The metadata of an object in {where} is not a mapping: nothing was applied."
        )
    if isinstance(metadata, Mapping) and not missing and not metadata.get("name"):
        if metadata.get("generateName"):
            raise BadInput(
                f"An object in {where} has a generateName and no name: nothing was applied.",
                seen="apply needs the name, to know what it changes",
                next_step="Write a name, or create it: kubectl create -f",
            )
        missing = ["metadata.name"]
    if missing:
        raise BadInput(f"An object in {where} lacks {', '.join(missing)}: nothing was applied.")
    if odd := [key for key in ("apiVersion", "kind") if not isinstance(document[key], str)]:
        raise BadInput(
            f"The {odd[0]} of an object in {where} is no string: nothing was applied.",
            seen=f"{document[odd[0]]!r:.60}",
        )
    return document
