"""Apply manifests as ``kubectl apply --server-side`` does, from text, a file or a dict."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from daemonset_course.cluster.api import APPLY, Object
from daemonset_course.cluster.lifecycle import current
from daemonset_course.errors import ApiError, BadInput, NotRejected, Rejected, in_one_line
from daemonset_course.lab.typed import quotes_missing
from daemonset_course.verbs.not_played import tell

Source = str | Path | Mapping[str, Any]

# Errors that PyYAML raises for a scalar such as 2001-99-99 or !!bool maybe, and for deep nesting.
_SCALARS = (ValueError, KeyError, AttributeError, TypeError, RecursionError)


class Applied:
    """The objects as the server stored them; the repr is ``daemonset.apps/agent applied``."""

    def __init__(self, objects: list[Object], what: str) -> None:
        self.objects = objects
        self._what = what

    def __repr__(self) -> str:
        return "\n".join(f"{title(item)} {self._what}" for item in self.objects)


def apply(source: Source, *, namespace: str = "default", dry_run: bool = False) -> Applied:
    """Apply objects server-side and return them; running the same cell again changes nothing.

    All documents are parsed before the first one is sent. The server refuses unknown fields. Where
    kubelets are simulated, one line names the fields that they do not play, once for each field.

    Args:
        source: YAML text, the path of a YAML file, or one object as a dict.
        namespace: for objects without a namespace.
        dry_run: let the server check and complete the objects without storing them.

    Raises:
        BadInput: broken YAML (with the line), no object, or an unknown kind.
        Rejected: the API server refused an object; ``reasons`` has fields and messages. If a value
            that must be a string has no quotes, the next step names its line.
        ApiError: the API server answered with another error, such as a conflict.
        NotRunning: the cluster is not up, or does not answer.
    """
    cluster = current()
    api = cluster.api
    objects = parse(source)
    paths = [api.path_of(item, namespace) for item in objects]
    query = {
        "fieldManager": "course",
        "force": "true",
        "fieldValidation": "Strict",
        "dryRun": "All" if dry_run else None,
    }
    try:
        stored = [
            api.request("PATCH", path, item, query=query, content_type=APPLY)
            for path, item in zip(paths, objects, strict=True)
        ]
    except (Rejected, ApiError) as error:
        if not isinstance(source, Mapping):
            error.next_step = quotes_missing(_text(source)[0]) or error.next_step
        raise
    if not dry_run:
        tell(cluster, objects)
    return Applied(stored, "checked by the server, not stored" if dry_run else "applied")


@contextmanager
def rejected(words: str) -> Iterator[None]:
    """Expect the API server to refuse what the block applies, with ``words`` in a reason.

    Prints the server's reasons.

    Raises:
        NotRejected: nothing was refused, or for another reason. It is also an AssertionError.
    """
    try:
        yield
    except Rejected as error:
        reasons = "\n".join(str(reason) for reason in error.reasons)
        if words not in reasons:
            raise NotRejected(
                f"The API server refused this, but not with {words!r}.", seen=reasons
            ) from error
        print(f"Refused, as expected:\n{reasons}")
    else:
        raise NotRejected(f"The API server was expected to refuse this with {words!r}.")


def parse(source: Source) -> list[Object]:
    """Return the Kubernetes objects of a YAML text, file or dict.

    Raises:
        BadInput: the YAML is broken (with the line and its text), or holds no object.
    """
    if isinstance(source, Mapping):
        documents: list[Any] = [dict(source)]
        where = "the dict"
    else:
        text, where = _text(source)
        try:
            documents = [d for d in yaml.safe_load_all(text) if d is not None]
        except yaml.YAMLError as error:
            raise _broken(text, where, error) from error
        except _SCALARS as error:
            raise BadInput(
                f"{where[0].upper()}{where[1:]} has a value that YAML cannot read.",
                seen=in_one_line(error),
                next_step="Put dates and long numbers between quotes.",
            ) from error
    if not documents:
        raise BadInput(f"There is no Kubernetes object in {where}.")
    return [_checked(document, where) for document in documents]


def _text(source: str | Path) -> tuple[str, str]:
    if isinstance(source, str) and ("\n" in source or ":" in source):
        return source, "the YAML text"
    try:
        return Path(source).read_text(), str(source)
    except (OSError, ValueError) as error:  # ValueError: not UTF-8, or a NUL in the path
        raise BadInput(f"The file {source} cannot be read.", seen=str(error)) from error


def _broken(text: str, where: str, error: yaml.YAMLError) -> BadInput:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return BadInput(f"{where} is not valid YAML.", seen=str(error))
    line = (text.splitlines() or [""])[min(mark.line, len(text.splitlines()) - 1)]
    return BadInput(
        f"Line {mark.line + 1} of {where} is not valid YAML: nothing was applied.",
        seen=f"{line.rstrip()!r}: {getattr(error, 'problem', '')}",
        next_step="Look at the indentation and the colons of that line and the one above it.",
    )


def _checked(document: Any, where: str) -> Object:
    if not isinstance(document, dict):
        raise BadInput(f"{where} holds {type(document).__name__}, not a Kubernetes object.")
    missing = [key for key in ("apiVersion", "kind", "metadata") if not document.get(key)]
    if not missing and not isinstance(document["metadata"], Mapping):
        raise BadInput(
            f"The metadata of an object in {where} is not a mapping: nothing was applied."
        )
    if not missing and not document["metadata"].get("name"):
        missing = ["metadata.name"]
    if missing:
        raise BadInput(f"An object in {where} lacks {', '.join(missing)}: nothing was applied.")
    try:
        json.dumps(document, default=_in_json)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadInput(
            f"An object in {where} has a value that JSON does not support: nothing was applied.",
            seen=in_one_line(error),
        ) from error
    return document


def _in_json(value: object) -> str:
    """Return a date that YAML parsed as the text that the client sends."""
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__}: {value!r}")


def title(item: Mapping[str, Any]) -> str:
    """Return an object's name as kubectl prints it: ``daemonset.apps/agent``."""
    group = item["apiVersion"].rpartition("/")[0]
    kind = item["kind"].lower()
    return (
        f"{kind}.{group}/{item['metadata']['name']}"
        if group
        else f"{kind}/{item['metadata']['name']}"
    )
