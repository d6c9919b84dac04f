"""How far each attempt to deploy a DaemonSet got: refused, stored, or with Pods. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from daemonset_course.timeline.caption import nodes

Reached = Literal["refused", "stored", "Pods"]


@dataclass(frozen=True)
class Trial:
    """One attempt.

    Attributes:
        said: the words of who stopped it; empty when nobody did.
        stored: whether the API server stored the object.
        pods: how many of its Pods are ready.
        wanted: how many nodes should have one.
    """

    said: str
    stored: bool = True
    pods: int = 0
    wanted: int = 0

    @property
    def reached(self) -> Reached:
        """The last station that it came to."""
        return "Pods" if self.pods else "stored" if self.stored else "refused"


Trials = Mapping[str, Trial]


def trials_headline(found: Trials) -> str:
    """The finding: how many attempts got how far."""
    refused, stored, ran = (len(those(found, how)) for how in ("refused", "stored", "Pods"))
    return (
        f"{len(found)} attempts: {refused} refused, {stored} stored without a Pod, {ran} with Pods"
    )


def trials_caption(found: Trials) -> str:
    """Which attempts got how far, by name."""
    ran = [f"{name} ({found[name].pods} of {nodes(found[name].wanted)})" for name in
           those(found, "Pods")]  # fmt: skip
    told = {
        "Refused": those(found, "refused"),
        "Stored without a Pod": those(found, "stored"),
        "With Pods": ran,
    }
    return " ".join(f"{how}: {', '.join(names)}." for how, names in told.items() if names)


def those(found: Trials, how: Reached) -> list[str]:
    """The attempts that got exactly that far, in order."""
    return [name for name, trial in found.items() if trial.reached == how]
