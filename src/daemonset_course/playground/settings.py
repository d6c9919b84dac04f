"""Describe a run of the playground: its settings, their problems, the manifest. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields

from daemonset_course.answers import Answer, plain
from daemonset_course.errors import BadInput, Reason
from daemonset_course.lab.agent_manifest import IMAGE, agent_manifest, ready_after, sets_release

DAEMONSET = "agent"
POOLS: dict[str, dict[str, str]] = {
    "all workers": {},
    "disk=ssd": {"disk": "ssd"},
    "disk=hdd": {"disk": "hdd"},
}
STRATEGIES = ("RollingUpdate", "OnDelete")
NODES = (3, 30)
SECONDS = (0, 60)  # of the start and of the stop of a Pod
LABELS = {
    "nodes": "Nodes",
    "pool": "Runs on",
    "strategy": "Strategy",
    "max_unavailable": "maxUnavailable",
    "max_surge": "maxSurge",
    "start": "Start of a Pod (s)",
    "stop": "Stop of a Pod (s)",
    "faulty_node": "One node is unreachable",
    "bad_image": "The new image cannot be pulled",
    "length": "Length of the rollout (s)",
    "lowest": "Fewest nodes with an available Pod",
}
UNITS = {"length": "s", "lowest": "nodes"}  # of the predictions
# The domain .invalid never resolves (RFC 2606), so this image cannot be pulled.
_BAD_IMAGE = "registry.invalid/agent:2"
_GRACE = 5  # seconds of the grace period beyond the stop
# The last name of a field of the API, and the field of the playground that sets it.
_FIELDS = {
    "maxUnavailable": "max_unavailable",
    "maxSurge": "max_surge",
    "initialDelaySeconds": "start",
    "seconds": "stop",
    "type": "strategy",
}


@dataclass(frozen=True)
class Settings:
    """One run: the fleet, the DaemonSet, what is broken, what is predicted.

    Attributes:
        nodes: the number of workers.
        pool: on which of them the agent runs; a key of ``POOLS``.
        strategy: one of ``STRATEGIES``.
        max_unavailable: a number of nodes or a percentage, as one writes it in a manifest.
        max_surge: likewise.
        start: seconds from the start of a Pod until it is ready.
        stop: seconds that a Pod takes to end.
        faulty_node: whether one node is unreachable.
        bad_image: whether the image of the new template cannot be pulled.
        length: the predicted length of the rollout in seconds, as typed; empty: none.
        lowest: the predicted lowest number of nodes with an available Pod, as typed; empty: none.
    """

    nodes: int = 6
    pool: str = "all workers"
    strategy: str = "RollingUpdate"
    max_unavailable: str = "1"
    max_surge: str = "0"
    start: int = 2
    stop: int = 1
    faulty_node: bool = False
    bad_image: bool = False
    length: str = ""
    lowest: str = ""

    def problems(self) -> dict[str, str]:
        """Return what is wrong with a field, by its name; the API server judges the budget."""
        return dict(self._problems())

    def _problems(self) -> Iterator[tuple[str, str]]:
        for name, (least, most) in {"nodes": NODES, "start": SECONDS, "stop": SECONDS}.items():
            if not least <= getattr(self, name) <= most:
                what = "nodes" if name == "nodes" else "seconds"
                yield name, f"Choose {least} to {most} {what}."
        if self.pool not in POOLS:
            yield "pool", f"Choose one of {', '.join(POOLS)}."
        if self.strategy not in STRATEGIES:
            yield "strategy", f"Choose one of {', '.join(STRATEGIES)}."
        for name in ("max_unavailable", "max_surge") if self.is_rolling else ():
            if not str(getattr(self, name)).strip():
                yield name, "Type a number of nodes, or a percentage such as 10%."
        for name in UNITS:
            try:
                self.prediction(name)
            except BadInput as error:
                yield name, f"{error.failed} {error.next_step}"

    @property
    def is_rolling(self) -> bool:
        """Whether the controller replaces the Pods; else somebody has to delete them."""
        return self.strategy != "OnDelete"

    def prediction(self, name: str) -> Answer | None:
        """Return the prediction ``length`` or ``lowest`` as a number; None: none was typed.

        Raises:
            BadInput: it is no such number.
        """
        text = str(getattr(self, name)).strip()
        return plain(text, UNITS[name]) if text else None

    def manifest(self, release: int) -> str:
        """Return the DaemonSet as YAML; ``bad_image`` is about releases after the first."""
        labels = POOLS[self.pool]
        grace = f"terminationGracePeriodSeconds: {self.stop + _GRACE}\n"
        pod = f"nodeSelector: {json.dumps(labels)}\n" if labels else ""
        hook = f"lifecycle: {{preStop: {{sleep: {{seconds: {self.stop}}}}}}}\n" if self.stop else ""
        probe = ready_after(self.start) if self.start else ""
        bad = self.bad_image and release > 1
        return agent_manifest(
            DAEMONSET, update=self._update(), pod=pod + grace,
            container=sets_release(str(release)) + probe + hook,
            image=_BAD_IMAGE if bad else IMAGE,
        )  # fmt: skip

    def _update(self) -> str:
        if not self.is_rolling:
            return f"type: {self.strategy}\n"
        limits = {
            "maxUnavailable": _int_or_text(self.max_unavailable),
            "maxSurge": _int_or_text(self.max_surge),
        }
        return f"type: {self.strategy}\nrollingUpdate: {json.dumps(limits)}\n"

    @property
    def words(self) -> str:
        """The budget and what is broken, in a few words."""
        return ", ".join(self._words())

    def _words(self) -> Iterator[str]:
        if not self.is_rolling:
            yield self.strategy
        for name, word in (("max_surge", "maxSurge"), ("max_unavailable", "maxUnavailable")):
            value = str(getattr(self, name)).strip()
            if self.is_rolling and value not in ("0", "0%"):
                yield f"{word} {value}"
        if self.faulty_node:
            yield "a faulty node"
        if self.bad_image:
            yield "a bad image"

    def differences(self, other: Settings) -> tuple[str, ...]:
        """Return what differs from an earlier run, such as ``Nodes: 6, before 3``."""
        return tuple(
            f"{LABELS[one.name]}: {_said(mine)}, before {_said(theirs)}"
            for one in fields(self)
            if one.name not in UNITS
            and (mine := getattr(self, one.name)) != (theirs := getattr(other, one.name))
        )


def refusals(reasons: Iterable[Reason]) -> dict[str, str]:
    """Return why the API server refuses a manifest, by the field of the playground.

    The empty name is for what no field sets.
    """
    found: dict[str, str] = {}
    for reason in reasons:
        name = _FIELDS.get(reason.field.rpartition(".")[2], "")
        text = reason.message if name else str(reason)
        found[name] = f"{found[name]} {text}." if name in found else f"The API server: {text}."
    return found


def _int_or_text(value: str) -> int | str:
    text = str(value).strip()
    return int(text) if re.fullmatch(r"[+-]?\d+", text) else text


def _said(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
