"""A lab in its notebook and from JupyterLab's terminal, and a second notebook beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from browser.conftest import SHOTS
from browser.notebook_page import DARK, LIGHT, Lab
from daemonset_course import reset

LAB = "06-roll-within-budget"
SOLUTION = '''\
change = """
spec:
  updateStrategy:
    rollingUpdate: {maxUnavailable: 2}
  template:
    spec:
      containers:
      - name: agent
        env: [{name: RELEASE, value: "2"}]
"""
lab.apply(change)'''


@pytest.fixture
def ended(lab: Lab) -> Iterator[None]:
    """Ends the lab after the test, or no other test could reset the cluster."""
    assert lab
    yield
    reset(workers=3, force=True)


@pytest.mark.usefixtures("ended")
def test_a_task_is_done_in_the_notebook_and_checked_there_and_in_a_terminal(
    lab: Lab, notebook: Any
) -> None:
    path = f"labs/{LAB}.ipynb"
    task = lab.open(path)
    task.run_text("open_lab(")
    task.run_text("lab.start(1)", within=120)
    assert task.errors() == []

    other = lab.open_beside(
        notebook("browser-other", "from daemonset_course import reset\nreset(workers=3)")
    )
    other.run(0)
    assert f"Lab {LAB}, task 1 runs on the cluster" in other.text(0)
    assert "reset(force=True)" in other.text(0)

    lab.open_beside(path)
    answer = task.find("lab.apply(change)")
    task.write(answer, SOLUTION)
    task.run(answer)
    check = task.find("lab.check(1)")
    task.run(check, within=120)
    assert "passed" in task.text(check)
    picture = task.find("lab.recording.plot()")
    task.run(picture)
    assert task.output(picture).locator(".dst-w svg[role=img]").count() == 1
    assert task.errors() == []
    assert task.too_wide() == []
    for theme in (DARK, LIGHT):
        lab.theme(theme)
        task.show(check)
        lab.shot(SHOTS / f"lab-{theme.split()[-1].lower()}.png")

    terminal = lab.terminal()
    printed, status = terminal.run("kubectl get nodes --no-headers | wc -l")
    assert (printed, status) == ("13", 0)
    printed, status = terminal.run(f"course lab check {LAB[:2]} 1", within=120)
    assert status == 0, printed
    assert "passed" in printed
    lab.shot(SHOTS / "terminal.png")
    assert terminal.run("course lab reset", within=120)[1] == 0
