"""What is drawn while something happens: ``record(live=True)``, ``watch``; and the table of why."""

from __future__ import annotations

from typing import Any

from browser.conftest import SHOTS
from browser.notebook_page import Lab
from daemonset_course.verbs.kubectl import kubectl

HELLO = (
    "from daemonset_course import apply, kubectl, record, reset, wait_rollout, why\n"
    "from daemonset_course.lessons import watch\n"
    "reset(workers=3)\n"
    "kubectl('delete daemonset hello --cascade=foreground --ignore-not-found')"
)
LIVE = (
    "with record('hello', live=True) as rollout:\n"
    "    apply('../manifests/start-here/hello.yaml')\n"
    "    wait_rollout('hello')"
)


def test_lanes_are_drawn_during_the_run_and_the_last_frame_stays_in_the_file(
    lab: Lab, notebook: Any, look: Any
) -> None:
    path = notebook("browser-frames", HELLO, LIVE, "why('hello')")
    opened = lab.open(path)
    opened.run(0)
    opened.run(1, wait=False)
    lanes = opened.output(1).locator(".dst-w svg[role=img]")
    lanes.first.wait_for()
    opened.wait_ran(1, within=120)
    opened.run(2)
    assert opened.errors() == []
    assert lanes.count() == 1
    assert "UP-TO-DATE 3" in opened.text(1)
    look(opened, 1, "rollout")
    look(opened, 2, "why")

    opened.save()
    opened.shut_down()
    opened = lab.open(path)
    assert opened.output(1).locator(".dst-w svg[role=img]").count() == 1
    assert "UP-TO-DATE 3" in opened.text(1)
    assert "model not found" not in opened.text(1)


def test_a_rollout_that_is_only_waited_for_is_drawn_and_its_last_frame_stays(
    lab: Lab, notebook: Any
) -> None:
    path = notebook(
        "browser-wait", HELLO, "apply('../manifests/start-here/hello.yaml')\nwait_rollout('hello')",
        "kubectl('set image daemonset/hello hello=registry.invalid/hello:2')\n"
        "wait_rollout('hello', timeout=250)",
    )  # fmt: skip
    opened = lab.open(path)
    opened.run(0)
    opened.run(1, within=120)
    opened.run(2, wait=False)
    lanes = opened.output(2).locator(".dst-w svg[role=img]")
    lanes.first.wait_for()
    opened.output(2).get_by_text("Waits: ").first.wait_for()
    kubectl("rollout undo daemonset/hello")  # else it waits for ever
    opened.wait_ran(2, within=120)
    assert opened.errors() == []
    assert lanes.count() == 1
    assert "UP-TO-DATE 3" in opened.text(2)
    assert "Waited" not in opened.text(2)
    opened.show(2)
    lab.shot(SHOTS / "wait.png")
    opened.save()
    opened.shut_down()
    opened = lab.open(path)
    assert "UP-TO-DATE 3" in opened.text(2)
    assert opened.output(2).locator(".dst-w svg[role=img]").count() == 1


def test_watch_shows_what_other_cells_do_until_its_button_is_pressed(
    lab: Lab, notebook: Any
) -> None:
    opened = lab.open(
        notebook(
            "browser-watch", HELLO,
            "view = watch('hello')\nview",
            "apply('../manifests/start-here/hello.yaml')\nwait_rollout('hello')",
            "import time\nwhile view.is_running: time.sleep(0.05)\nprint('pressed')",
            "view.is_running",
        )
    )  # fmt: skip
    opened.run(0)
    opened.run(1)
    opened.run(2, within=120)
    opened.output(1).get_by_text("UP-TO-DATE 3").first.wait_for()

    opened.run(3, wait=False)
    opened.wait_busy()
    opened.press(1, "Stop")  # answers while a cell runs
    opened.wait_ran(3)
    opened.output(1).get_by_text("hello was watched. Run the cell again to go on.").wait_for()
    assert opened.output(1).get_by_role("button", name="Stop", exact=True).count() == 0
    assert opened.output(1).locator(".dst-w svg[role=img]").count() == 1
    opened.run(4)
    assert "False" in opened.text(4)
    assert opened.errors() == []
