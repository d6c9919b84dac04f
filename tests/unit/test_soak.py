"""The steps of ``make soak``: repeatable, and cells that Python or IPython can run."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

import daemonset_course
import daemonset_course.lessons
import soak
import soak_truth
from soak_kernel import Reply
from soak_steps import COMPONENTS, KINDS, Step, episode

STEPS = [step for number in range(400) for step in episode(7, number)]


def test_an_episode_depends_on_seed_and_number_alone() -> None:
    assert episode(7, 3) == episode(7, 3)
    assert len({tuple(episode(seed, number)) for seed in (7, 8) for number in (3, 4)}) == 4


def test_every_kind_and_every_component_comes() -> None:
    assert {step.kind for step in STEPS} == set(KINDS)
    assert {step.component for step in STEPS} == {"", *COMPONENTS}


def test_every_cell_is_one_and_uses_names_that_exist() -> None:
    known = {*daemonset_course.__all__, *daemonset_course.lessons.__all__, *vars(soak_truth)}
    for code in {code for step in STEPS for code in (step.code, step.other) if code}:
        if code.startswith("%kubectl "):
            continue
        names = {n.id for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Name)}
        assert names - known <= {"run", "str", "print", "object", "float"}, code


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> soak.Soak:
    names = "HOME TMPDIR IPYTHONDIR JUPYTER_RUNTIME_DIR MPLCONFIGDIR"
    course = "COURSE_HOME COURSE_WORK COURSE_CLUSTER COURSE_CACHE COURSE_BACKEND"
    for name in (*names.split(), *course.split()):
        monkeypatch.setenv(name, "to be restored")
    return soak.Soak(7, tmp_path)


@pytest.mark.parametrize(
    ("reply", "right"),
    [
        (Reply(), True),
        (Reply("NotFinished", "x"), True),
        (Reply("NotFound", "x"), True),
        (Reply("TypeError", "x"), False),
        (Reply("FalseSentence", "x"), False),
        (Reply("KeyboardInterrupt", "x"), False),
        (Reply(streams="Traceback (most recent call last)"), False),
        (Reply(hangs=True), False),
    ],
)
def test_only_errors_of_the_course_may_be_raised(run: soak.Soak, reply: Reply, right: bool) -> None:
    assert (run._judged(Step("verb", "x"), reply, "x") == []) is right


def test_an_interrupted_cell_may_say_so(run: soak.Soak) -> None:
    assert run._judged(Step("interrupt", "x"), Reply("KeyboardInterrupt"), "x") == []


def test_the_table_counts_steps_and_violations(run: soak.Soak) -> None:
    run.steps, run.violations = Counter(verb=3, lab=1), Counter(verb=2)
    run.episodes = 1

    lines = [line.split() for line in run.table().splitlines()]
    assert ["verb", "3", "2"] in lines
    assert ["lab", "1", "0"] in lines
    assert lines[-1][:5] == ["4", "steps", "in", "1", "episodes;"]
