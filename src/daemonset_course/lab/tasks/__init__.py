"""The labs, and for each task its preparation, rules, hints and solution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from daemonset_course.errors import NotFound
from daemonset_course.lab.check import Rule

LABS = {"06-roll-within-budget": "lab06"}


@dataclass(frozen=True)
class Task:
    """One task of a lab.

    Attributes:
        title: the task in a few words.
        prepare: brings a fresh cluster into the starting state; returns its description.
        rules: the rules that judge the task, in order.
        hints: where to look, the concept, a fragment.
        solution: YAML that passes; the learner sees it after passing.
        needs: the capabilities (``capabilities.CAPABILITIES``) that the check requires.
    """

    title: str
    prepare: Callable[[], str]
    rules: tuple[Rule, ...]
    hints: tuple[str, str, str]
    solution: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lab:
    """A lab: its name, its DaemonSet, its number of workers, its tasks and its debrief."""

    name: str
    daemonset: str
    workers: int
    tasks: tuple[Task, ...]
    debrief: str

    def task(self, number: int) -> Task:
        """Return the task of that number, counted from 1.

        Raises:
            NotFound: there is no such task.
        """
        if number not in range(1, len(self.tasks) + 1):
            raise NotFound(
                f"Lab {self.name} has no task {number!r}.",
                next_step=f"One of: {', '.join(str(i + 1) for i in range(len(self.tasks)))}",
            )
        return self.tasks[number - 1]


def find(name: str) -> Lab:
    """Return the lab of that name.

    Raises:
        NotFound: there is no such lab.
    """
    if name not in LABS:
        raise NotFound(f"There is no lab {name!r}.", next_step=f"One of: {', '.join(LABS)}")
    lab: Lab = import_module(f"{__name__}.{LABS[name]}").LAB
    return lab
