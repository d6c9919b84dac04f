"""Read the YAML that a learner gives to a task: whole objects, and parts of its DaemonSet. Pure."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from daemonset_course.errors import BadInput
from daemonset_course.manifest_text import documents, encoded

# What the API server sets. A saved object has these fields, and they are of an object that may be
# gone: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/
_SET_BY_SERVER = (
    "uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink",
)  # fmt: skip
_OF_A_PART = {"apiVersion", "kind", "metadata", "spec"}


@dataclass(frozen=True, slots=True)
class Piece:
    """One document: a whole object, or a part that patches the DaemonSet of the task."""

    text: str
    is_whole: bool


def pieces(text: str, daemonset: str) -> list[Piece]:
    """Return the documents of a text, each as a whole object or as a part of the DaemonSet.

    A part begins with ``spec:``; a DaemonSet of this name without a selector is one too. Broken
    YAML is one piece: who applies it, reports the line.

    Args:
        text: one YAML document or several.
        daemonset: the name of the DaemonSet that parts belong to.

    Raises:
        BadInput: a document without a kind is not a part of a DaemonSet.
    """
    try:
        found = [one.value for one in documents(text, "the YAML text")]
    except BadInput:
        return [Piece(text, is_whole=True)]
    if all(_is_whole(one, daemonset) and not _is_saved(one) for one in found):
        return [Piece(text, is_whole=True)]
    return [*_each(found, daemonset)]


def _each(found: list[Any], daemonset: str) -> Iterator[Piece]:
    for one in found:
        if _is_whole(one, daemonset):
            yield Piece(encoded(_without_server_fields(one)), is_whole=True)
            continue
        if strange := [key for key in one if key not in _OF_A_PART]:
            raise BadInput(
                f"A part of an object begins with {strange[0]}: and names no kind.",
                seen=f"only a part of the DaemonSet {daemonset}, from spec: on, needs none",
                next_step="Write the other object whole, with apiVersion, kind and metadata.name",
            )
        # JSON: kubectl reads a patch that begins with a brace as JSON, and its errors repeat it.
        yield Piece(encoded(one), is_whole=False)


def _is_whole(document: Any, daemonset: str) -> bool:
    """Whether a document is to be applied, not patched; ``apply`` refuses what is no object."""
    if not isinstance(document, dict):
        return True
    if "kind" not in document:
        return False
    metadata, spec = document.get("metadata"), document.get("spec")
    is_own = isinstance(metadata, dict) and metadata.get("name") == daemonset
    has_part = isinstance(spec, dict) and "selector" not in spec
    return not (document["kind"] == "DaemonSet" and is_own and has_part)


def _is_saved(document: Any) -> bool:
    metadata = document.get("metadata") if isinstance(document, dict) else None
    return isinstance(metadata, dict) and any(key in metadata for key in _SET_BY_SERVER)


def _without_server_fields(document: Any) -> Any:
    if not _is_saved(document):
        return document
    kept = copy.deepcopy(document)
    kept.pop("status", None)
    for key in _SET_BY_SERVER:
        kept["metadata"].pop(key, None)
    return kept
