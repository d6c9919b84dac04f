"""Explain whether the controller runs a Pod on a node, and which rule decides."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from daemonset_course.cluster.api import Api, Object
from daemonset_course.cluster.lifecycle import current
from daemonset_course.errors import BadInput, NotFound, Rejected
from daemonset_course.figures.table_html import tables_html
from daemonset_course.history.failed_creates import not_created, template_age
from daemonset_course.history.podstate import is_owned, node_of
from daemonset_course.history.text import natural_key
from daemonset_course.placement import Cell, Decision, Matrix, matrix, plain_text
from daemonset_course.verbs.apply import Source, parse
from daemonset_course.verbs.daemonsets import daemonsets_path, no_daemonset

if TYPE_CHECKING:
    from daemonset_course.figures.picture import Picture


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """One node's answer; the repr is a sentence.

    Attributes:
        node: its name.
        decision: ``run``, ``keep``, ``rule`` and ``detail``, as the controller decides.
        rules: the result of each rule, by its field and name: ``taint gpu=true:NoSchedule``.
        sentence: the decision in plain words.
    """

    node: str
    decision: Decision
    rules: Mapping[str, Cell]
    sentence: str

    @property
    def run(self) -> bool:
        """Whether the controller creates a Pod here."""
        return self.decision.run

    @property
    def keep(self) -> bool:
        """Whether a Pod that is already here may stay."""
        return self.decision.keep

    def __repr__(self) -> str:
        return self.sentence


@dataclass(frozen=True, slots=True, repr=False)
class Why:
    """Every node's answer: in a notebook a table, as text aligned columns; ``plot()`` draws it.

    Attributes:
        matrix: nodes by rules, as data.
        nodes: the answer of each node, by name.
        refused: why the API server refuses Pods that the rules allow; mostly empty.
    """

    matrix: Matrix
    nodes: Mapping[str, Answer]
    refused: str = ""

    @property
    def runs_on(self) -> tuple[str, ...]:
        """The nodes on which the controller creates a Pod."""
        return tuple(name for name, answer in self.nodes.items() if answer.run)

    def plot(self, *, dark: bool = False) -> Picture:
        """The matrix of nodes and rules as a picture."""
        from daemonset_course.figures.show import show  # noqa: PLC0415 - 520 ms: matplotlib

        return show(self.matrix, dark=dark)

    def _repr_html_(self) -> str:
        return tables_html(
            [self.matrix.figure(reasons=True)],
            title=self.matrix.headline,
            caption=self.matrix.caption,
            note=f"But {self.refused}" if self.refused else "",
        )

    def __repr__(self) -> str:
        table = plain_text.table(self.matrix)
        if not self.refused:
            return table
        return f"{table}\n\n{textwrap.fill(f'But {self.refused}', plain_text.WIDTH)}"


@overload
def why(node: str, daemonset: Source, *, namespace: str = "default") -> Answer: ...
@overload
def why(node: Source, daemonset: None = None, *, namespace: str = "default") -> Why: ...
@overload
def why(node: None = None, daemonset: Source = ..., *, namespace: str = "default") -> Why: ...
def why(
    node: Source | None = None, daemonset: Source | None = None, *, namespace: str = "default"
) -> Answer | Why:
    """Explain whether the controller runs a Pod on a node, and which rule decides.

    ``why("course-worker2", "agent")`` answers for one node; ``why("agent")`` for all nodes.

    Args:
        node: a node's name; None: all nodes.
        daemonset: the name of a DaemonSet on the cluster, or a manifest: YAML text, the path of a
            YAML file, or a dict. The server checks a manifest and stores nothing.
        namespace: the namespace of a DaemonSet that is given by its name.

    Raises:
        NotFound: there is no such node or DaemonSet; with the existing names.
        BadInput: the manifest cannot be read, or does not hold exactly one DaemonSet.
        Rejected: the API server would refuse the manifest.
        NotRunning: the cluster is not up, or does not answer.

    Resources and ports are not among the rules: the controller creates the Pod anyway, and the
    scheduler may leave it Pending. If the API server refused the Pods of a DaemonSet on the
    cluster, the answer includes the reason.
    """
    if daemonset is None:
        node, daemonset = None, node
    if daemonset is None:
        raise BadInput(
            "why needs a DaemonSet.", next_step='why("agent"), or why("course-worker2", "agent")'
        )
    api = current().api
    nodes = api.items("/api/v1/nodes")
    found = _daemonset(api, daemonset, namespace, {_name(item) for item in nodes})
    # All nodes, even for one answer: the columns depend on the taints of all nodes.
    answers = explain(nodes, found)
    if isinstance(daemonset, str) and not _is_manifest(daemonset):
        answers = _with_refusal(api, found, answers)
    if node is None:
        return answers
    if node not in answers.nodes:
        names = list(answers.nodes)
        listed = ", ".join(names[:12]) + (" …" if len(names) > 12 else "")
        raise NotFound(f"There is no node {node!r}.", seen=f"nodes: {listed}")
    return answers.nodes[str(node)]


def explain(nodes: list[Object], daemonset: Mapping[str, Any]) -> Why:
    """Return the answers of ``why`` for the given objects, with the nodes in natural order."""
    ordered = sorted(nodes, key=lambda item: natural_key(_name(item)))
    answers = matrix(ordered, daemonset)
    heads = [column.name for column in answers.columns]
    return Why(
        answers,
        {
            row.node: Answer(
                row.node,
                row.decision,
                dict(zip(heads, row.cells, strict=True)),
                plain_text.sentence(answers, row),
            )
            for row in answers.rows
        },
    )


def _with_refusal(api: Api, daemonset: Mapping[str, Any], found: Why) -> Why:
    """Add the newest FailedCreate Event to the answers of nodes whose Pod is missing."""
    place = f"/api/v1/namespaces/{daemonset['metadata']['namespace']}"
    pods = [pod for pod in api.items(f"{place}/pods") if is_owned(pod, _name(daemonset))]
    held = {node_of(pod) for pod in pods}
    missing = [name for name in found.runs_on if name not in held]
    if not missing:
        return found
    since = template_age(daemonset, pods)
    refusal = not_created(api.items(f"{place}/events"), daemonset, missing, since=since)
    if not refusal:
        return found
    answers = {
        name: replace(answer, sentence=f"{answer.sentence} But {refusal}")
        if name in missing
        else answer
        for name, answer in found.nodes.items()
    }
    return Why(found.matrix, answers, refusal)


def _daemonset(api: Api, source: Source, namespace: str, nodes: set[str]) -> Mapping[str, Any]:
    """Return the DaemonSet of that name on the cluster, or the one in a manifest."""
    if isinstance(source, str) and not _is_manifest(source):
        items = {_name(item): item for item in api.items(daemonsets_path(namespace))}
        if source not in items:
            swapped = f'{source} is a node. It comes first: why("{source}", "agent").'
            next_step = swapped if source in nodes else ""
            raise no_daemonset(source, namespace, items, next_step=next_step)
        return {"kind": "DaemonSet"} | items[source]  # the items of a list have no kind
    found = [item for item in parse(source) if item["kind"] == "DaemonSet"]
    if len(found) != 1:
        raise BadInput(
            "The manifest must hold exactly one DaemonSet.",
            seen=", ".join(f"{item['metadata']['name']}" for item in found) or "none in it",
            next_step="Give the one that is meant, as text or as a dict.",
        )
    return _checked(api, found[0])


def _is_manifest(text: str) -> bool:
    """Whether the text is YAML or a path: no DaemonSet name has a colon, slash or newline."""
    return any(sign in text for sign in "\n:/") or Path(text).suffix in (".yaml", ".yml", ".json")


def _checked(api: Api, manifest: Object) -> Object:
    """Return the manifest with the server's defaults, from a dry run under a generated name.

    A missing namespace, or an existing DaemonSet of that name, does not matter for placement.
    """
    name = manifest["metadata"]["name"]
    meta = {k: v for k, v in manifest["metadata"].items() if k in ("labels", "annotations")}
    trial = {**manifest, "metadata": meta | {"generateName": "why-"}}
    query = {"dryRun": "All", "fieldValidation": "Strict"}
    try:
        stored = api.request("POST", daemonsets_path("default"), trial, query=query)
    except Rejected as error:
        raise Rejected(f"daemonset {name}", error.reasons) from error
    stored["metadata"]["name"] = name
    return stored


def _name(item: Mapping[str, Any]) -> str:
    return str(item["metadata"]["name"])
