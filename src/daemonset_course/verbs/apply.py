"""Apply manifests as ``kubectl apply --server-side`` does, from text, a file or a dict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from daemonset_course.cluster.api import APPLY, Api, Object
from daemonset_course.cluster.lifecycle import current
from daemonset_course.cluster.waiting import until
from daemonset_course.errors import (
    ApiError,
    BadInput,
    CourseError,
    NotRejected,
    Rejected,
)
from daemonset_course.lab.typed import quotes_missing
from daemonset_course.manifest_text import from_python, objects, unfolded
from daemonset_course.verbs.manifest_files import is_text, read
from daemonset_course.verbs.not_played import tell

Source = str | Path | Mapping[str, Any]

_DEFINITION = 15.0  # seconds until the API server serves a new CustomResourceDefinition


class Applied:
    """The objects as the server stored them; the repr is ``daemonset.apps/agent applied``."""

    def __init__(self, objects: list[Object], what: str) -> None:
        self.objects = objects
        self._what = what

    def __repr__(self) -> str:
        return "\n".join(f"{title(item)} {self._what}" for item in self.objects)


def apply(source: Source, *, namespace: str = "default", dry_run: bool = False) -> Applied:
    """Apply objects server-side and return them; running the same cell again changes nothing.

    What ``kubectl apply --server-side`` reads, is read: JSON, lists, folders, patterns. All
    documents are read, and their kinds looked up, before the first one is sent. The server refuses
    unknown fields. As with kubectl, one refused object does not keep the others from being applied.
    Where kubelets are simulated, one line names the fields that they do not play, once each.

    Args:
        source: YAML or JSON text, the path of a file or a folder, or one object as a dict.
        namespace: for objects without a namespace.
        dry_run: let the server check and complete the objects without storing them.

    Raises:
        BadInput: broken YAML (with the line), no object, or an unknown kind; nothing was applied.
        Rejected: the API server refused an object; ``reasons`` has fields and messages. If a value
            that must be a string has no quotes, the next step names its line. If there are several
            objects, the evidence names those that were applied.
        ApiError: the API server answered with another error, such as a conflict.
        NotRunning: the cluster is not up, or does not answer.
    """
    cluster = current()
    texts = [] if isinstance(source, Mapping) else _texts(source)
    found = _objects(source, texts)
    sending = _Sending(cluster.api, found, namespace, dry_run)
    try:
        stored = sending.send()
    except (Rejected, ApiError) as error:
        unquoted = (quotes_missing(text) for _, text in texts)
        error.next_step = next(filter(None, unquoted), "") or error.next_step
        raise
    if not dry_run:
        tell(cluster, found)
    return Applied(stored, "checked by the server, not stored" if dry_run else "applied")


class _Sending:
    """The requests of one ``apply``: which objects were stored, and which refused."""

    def __init__(self, api: Api, items: list[Object], namespace: str, dry_run: bool) -> None:
        self._api = api
        self._objects = items
        self._namespace = namespace
        self._dry_run = dry_run
        self._stored: list[Object] = []
        self._refused: list[tuple[Object, CourseError]] = []
        # A kind that a CustomResourceDefinition of this call defines is there after it is applied.
        defined = set() if dry_run else {kind for item in items for kind in _defines(item)}
        self._paths = [
            "" if (item["apiVersion"], item["kind"]) in defined else self._path(item)
            for item in items
        ]

    def send(self) -> list[Object]:
        """Return the objects as stored; raises the first refusal after all were sent."""
        for item, path in zip(self._objects, self._paths, strict=True):
            try:
                self._stored.append(self._one(item, path or self._defined(item)))
            except (BadInput, Rejected, ApiError) as error:
                self._refused.append((item, error))
            except CourseError as error:
                error.seen = self._evidence(item, error)
                raise
        if self._refused:
            item, first = self._refused[0]
            first.seen = self._evidence(item, first)
            if len(self._objects) > 1:
                first.failed = f"The API server refused {_placed(item)}."
            raise first
        return self._stored

    def _one(self, item: Object, path: str) -> Object:
        query = {
            "fieldManager": "course",
            "force": "true",
            "fieldValidation": "Strict",
            "dryRun": "All" if self._dry_run else None,
        }
        return self._api.request("PATCH", path, item, query=query, content_type=APPLY)

    def _path(self, item: Object) -> str:
        return self._api.path_of(item, self._namespace)

    def _defined(self, item: Object) -> str:
        """Return the path of an object whose kind this call defines, when it is served."""

        def path() -> str | None:
            with suppress(BadInput):
                return self._path(item)
            return None

        return until(path, timeout=_DEFINITION, pause=0.1) or self._path(item)

    def _evidence(self, item: Object, error: CourseError) -> str:
        """Return the error's evidence, and what became of the other objects."""
        if len(self._objects) == 1:
            return error.seen
        word = "checked" if self._dry_run else "applied"
        names = ", ".join(map(title, self._stored)) or "nothing"
        others = [f"also refused: {_placed(one)}: {e.seen}" for one, e in self._refused[1:]]
        return "; ".join([f"{_placed(item)}: {error.seen}", *others, f"{word}: {names}"])


def _placed(item: Object) -> str:
    namespace = item["metadata"].get("namespace")
    return f"{title(item)} in namespace {namespace}" if namespace else title(item)


def _defines(item: Object) -> Iterator[tuple[str, str]]:
    """Yield the apiVersion and kind of each version that a CustomResourceDefinition defines."""
    if item["kind"] != "CustomResourceDefinition":
        return
    with suppress(AttributeError, KeyError, TypeError):  # the server will refuse it
        spec = item["spec"]
        for version in spec["versions"]:
            yield f"{spec['group']}/{version['name']}", spec["names"]["kind"]


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
    """Return the Kubernetes objects of a YAML or JSON text, file, folder or dict.

    Raises:
        BadInput: the text is broken (with the line and its text), or holds no object.
    """
    return _objects(source, [] if isinstance(source, Mapping) else _texts(source))


def parse_one(source: Source) -> Object:
    """Return the one Kubernetes object of a YAML or JSON text, file, folder or dict.

    Raises:
        BadInput: the text is broken, or holds no object or several.
    """
    found = parse(source)
    if len(found) != 1:
        raise BadInput("One object is expected.", seen=", ".join(map(title, found)))
    return found[0]


def _objects(source: Source, texts: list[tuple[str, str]]) -> list[Object]:
    where = "the dict" if isinstance(source, Mapping) else " and ".join(name for name, _ in texts)
    if isinstance(source, Mapping):
        found = unfolded(from_python(source), where)
    else:
        found = [item for name, text in texts for item in objects(text, name)]
    if not found:
        raise BadInput(f"There is no Kubernetes object in {where}.")
    return found


def _texts(source: str | Path) -> list[tuple[str, str]]:
    """Return each text of a source with its name for errors."""
    if isinstance(source, str) and is_text(source):
        return [("the YAML text", source)]
    return read(source)


def title(item: Mapping[str, Any]) -> str:
    """Return an object's name as kubectl prints it: ``daemonset.apps/agent``."""
    group = item["apiVersion"].rpartition("/")[0]
    kind = item["kind"].lower()
    return (
        f"{kind}.{group}/{item['metadata']['name']}"
        if group
        else f"{kind}/{item['metadata']['name']}"
    )
