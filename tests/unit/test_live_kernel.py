"""Outputs of a real kernel: the live view, the line about a wait, and the cells that have them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

HERE = Path(__file__).parent
PATIENCE = 60.0
SETUP = f"""
import sys
sys.path.insert(0, {str(HERE)!r})
from pathlib import Path
import tempfile, threading, time
from types import SimpleNamespace
from fake_server import FakeServer
from daemonset_course import live, progress
from daemonset_course.cluster.api import Api
from daemonset_course.recording import live_output
from daemonset_course.recording.recorder import Recorder

server = FakeServer()
server._thread.daemon = True  # it lets the kernel end
server.__enter__()
api = Api(server.kubeconfig(Path(tempfile.mkdtemp())))
state = SimpleNamespace(backend="fake", kubernetes="v1", id="1")
cluster = SimpleNamespace(api=api, name="fake", pace=0.0, state=state)
live.current = lambda: cluster
live.State = SimpleNamespace(load=lambda name: state)

def record(name="agent"):
    return Recorder(cluster, name, "default", live=True)
"""
NO_THREAD = "assert not [t for t in threading.enumerate() if t.name.startswith(('live', 'feed'))]"


class Kernel:
    """A kernel, and everything that it sent, in order."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self.client = client
        self.messages: list[dict[str, Any]] = []

    def run(self, code: str, **metadata: str) -> str:
        """Run a cell; return its id when it is done."""
        cell = self.begin(code, **metadata)
        self.until(lambda message: state_of(message) == "idle" and parent_of(message) == cell)
        errors = [m["content"]["evalue"] for m in self.of(cell, "error")]
        assert errors == []
        return cell

    def begin(self, code: str, **metadata: str) -> str:
        content = {
            "code": code, "silent": False, "store_history": True, "user_expressions": {},
            "allow_stdin": False, "stop_on_error": True,
        }  # fmt: skip
        message = self.client.session.msg("execute_request", content, metadata=metadata)
        self.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def until(self, true: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the first message from now on for which something holds."""
        deadline = time.monotonic() + PATIENCE
        while True:
            message = self.client.get_iopub_msg(timeout=max(0.1, deadline - time.monotonic()))
            self.messages.append(message)
            if true(message):
                return message

    def of(self, cell: str, kind: str) -> list[dict[str, Any]]:
        return [m for m in self.messages if m["msg_type"] == kind and parent_of(m) == cell]

    def updates(self, display: str) -> list[str]:
        """What was put in the place of an output."""
        return [shown(m) for m in self.messages if updates(display)(m)]


def parent_of(message: dict[str, Any]) -> str:
    return str(message["parent_header"].get("msg_id", ""))


def state_of(message: dict[str, Any]) -> str:
    return str(message["content"].get("execution_state", ""))


def display_of(message: dict[str, Any]) -> str:
    return str(message["content"]["transient"]["display_id"])


def shown(message: dict[str, Any]) -> str:
    data = message["content"]["data"]
    return str(data.get("text/html") or data["text/plain"])


def updates(display: str) -> Callable[[dict[str, Any]], bool]:
    return lambda m: m["msg_type"] == "update_display_data" and display_of(m) == display


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelManager]:
    folder = tmp_path_factory.mktemp("kernel")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
            (folder / name).mkdir()
            patch.setenv(name, str(folder / name))
        manager = KernelManager(kernel_name="python3")
        manager.start_kernel(cwd=str(folder))
        yield manager
        manager.shutdown_kernel(now=True)


@pytest.fixture
def kernel(kernels: KernelManager) -> Iterator[Kernel]:
    """The kernel, started afresh if a test has ended it, without a view."""
    if not kernels.is_alive():
        kernels.start_kernel()
    client = kernels.blocking_client()
    client.start_channels()
    client.wait_for_ready(timeout=PATIENCE)
    found = Kernel(client)
    found.run(SETUP)
    yield found
    if kernels.is_alive():
        found.run("live_output.close_all()")
    client.stop_channels()


def test_a_view_is_redrawn_in_its_own_output_also_while_later_cells_run(kernel: Kernel) -> None:
    first = kernel.run("r = record(); r.start()")
    [output] = kernel.of(first, "display_data")
    display = display_of(output)
    assert "<script" in shown(output)

    kernel.until(updates(display))
    later = kernel.begin("threading.Event().wait(1.5)")
    for _ in range(3):
        assert "<script" not in shown(kernel.until(updates(display)))
    kernel.run("r.stop()")  # after it, both cells are done
    assert not [m for m in kernel.messages if parent_of(m) == later and m["msg_type"] == "error"]
    assert kernel.of(later, "display_data") == []


def test_the_last_picture_stays_and_no_thread(kernel: Kernel) -> None:
    cell = kernel.run("r = record()\nwith r: pass")
    [output] = kernel.of(cell, "display_data")
    last = kernel.updates(display_of(output))[-1]

    assert "<figure" in last
    assert "<script" in last
    kernel.run(NO_THREAD)
    kernel.run("assert live_output._open_views == {} and progress.shown_live == set()")


def test_a_plot_of_the_same_execution_takes_its_place(kernel: Kernel) -> None:
    cell = kernel.run("with record() as r: pass\nr.plot(title='The whole')")
    [output] = kernel.of(cell, "display_data")
    last = kernel.updates(display_of(output))[-1]

    assert "<b>The whole</b>" in last
    assert kernel.of(cell, "execute_result") == []

    cell = kernel.run("r.plot(title='Once more')")
    [result] = kernel.of(cell, "execute_result")
    assert "<b>Once more</b>" in shown(result)
    assert kernel.updates(display_of(output))[-1] == last


def test_a_second_plot_of_the_execution_is_an_output_of_its_own(kernel: Kernel) -> None:
    cell = kernel.run("with record() as r: pass\ndisplay(r.plot(title='One'))\nr.plot(title='Two')")

    assert "<b>One</b>" in kernel.updates(display_of(kernel.of(cell, "display_data")[0]))[-1]
    assert "<b>Two</b>" in shown(kernel.of(cell, "execute_result")[0])


def test_an_interrupt_leaves_the_last_picture_and_no_thread(
    kernel: Kernel, kernels: KernelManager
) -> None:
    cell = kernel.begin("with record() as r:\n    threading.Event().wait(60)")
    output = kernel.until(lambda m: m["msg_type"] == "display_data")
    kernel.until(updates(display_of(output)))
    kernels.interrupt_kernel()
    kernel.until(lambda m: state_of(m) == "idle" and parent_of(m) == cell)

    assert "<script" in kernel.updates(display_of(output))[-1]
    kernel.run("assert r.ended")
    kernel.run(NO_THREAD)


def test_a_second_view_of_the_name_ends_the_first(kernel: Kernel) -> None:
    one = kernel.run("a = live.watch('agent')")
    two = kernel.run("b = live.watch('agent')")
    three = kernel.run("c = live.watch('other')")
    first, second, third = (
        display_of(kernel.of(cell, "display_data")[0]) for cell in (one, two, three)
    )
    kernel.until(updates(second))
    kernel.until(updates(third))
    kernel.messages.clear()
    for _ in range(4):
        kernel.until(updates(second))

    assert kernel.updates(first) == []
    kernel.run("assert not a.is_running and b.is_running and c.is_running")


def test_a_watch_shows_a_button_and_ends_where_it_was(kernel: Kernel) -> None:
    cell = kernel.run("agent = live.watch('agent')\nagent")
    picture, button = kernel.of(cell, "display_data")
    assert "application/vnd.jupyter.widget-view+json" in button["content"]["data"]
    assert kernel.of(cell, "execute_result") == []

    kernel.run("agent._button._widget.click()")
    assert "<script" in kernel.updates(display_of(picture))[-1]
    assert kernel.updates(display_of(button)) == ["agent was watched. Run the cell again to go on."]
    kernel.run("assert not agent.is_running")
    assert "agent was watched" in shown_text(kernel, "print(repr(agent))")


def test_the_cell_that_opened_a_view_ends_it_when_it_runs_again(kernel: Kernel) -> None:
    kernel.run("agent = live.watch('agent')", cellId="c1")
    kernel.run("assert agent.is_running", cellId="c2")
    kernel.run("assert not agent.is_running", cellId="c1")


def test_a_watch_ends_when_the_cluster_is_gone(kernel: Kernel) -> None:
    cell = kernel.run("live_output.LOOK = 0.1; agent = live.watch('agent')")
    [picture, _] = kernel.of(cell, "display_data")
    kernel.begin("live.State = SimpleNamespace(load=lambda name: None)")

    kernel.until(
        lambda m: (
            updates(display_of(picture))(m) and "The cluster &#x27;fake&#x27; is gone" in shown(m)
        )
    )
    kernel.run("assert not agent.is_running")


def test_a_long_wait_is_one_line_in_place_and_says_how_long_it_took(kernel: Kernel) -> None:
    cell = kernel.run(
        "progress.FIRST = progress.PAUSE = 0.05\n"
        "done, asked = threading.Event(), []\n"
        "def say():\n"
        "    asked.append(1)\n"
        "    if len(asked) == 3: done.set()\n"
        "    return f'{len(asked)} of 3 nodes'\n"
        "with progress.waiting('the rollout of agent', say) as wait:\n"
        "    assert done.wait(30)\n"
        "    wait.result = '3 of 3 nodes'"
    )
    [line] = kernel.of(cell, "display_data")
    assert shown(line) == "Waiting for the rollout of agent: 1 of 3 nodes"
    assert kernel.updates(display_of(line))[-1] in (
        "Waited 0 s for the rollout of agent: 3 of 3 nodes",
        "Waited 1 s for the rollout of agent: 3 of 3 nodes",
    )
    assert kernel.of(cell, "stream") == []


def test_a_short_wait_and_one_that_a_view_shows_say_nothing(kernel: Kernel) -> None:
    cell = kernel.run("with progress.waiting('x'): pass")
    assert kernel.of(cell, "display_data") == []

    cell = kernel.run(
        "progress.FIRST = progress.PAUSE = 0.02\n"
        "asked = threading.Event()\n"
        "real = progress._Line._text\n"
        "def text(self):\n"
        "    found = real(self); times.append(found)\n"
        "    if len(times) == 3: asked.set()\n"
        "    return found\n"
        "times, progress._Line._text = [], text\n"
        "progress.shown_live.add('agent')\n"
        "with progress.waiting('the rollout of agent', lambda: 'x', about='agent'):\n"
        "    assert asked.wait(30)\n"
        "progress.shown_live.clear(); progress._Line._text = real\n"
        "assert times[:3] == ['', '', '']"
    )
    assert kernel.of(cell, "display_data") == []


def test_progress_is_not_shown_as_an_error(kernel: Kernel) -> None:
    cell = kernel.run("progress.progress().done('Starting the cluster')")
    [stream] = kernel.of(cell, "stream")

    assert stream["content"]["name"] == "stdout"


WAITS = """
from contextlib import nullcontext
from daemonset_course.history.daemonset_status import Status
from daemonset_course.recording import live_wait
from daemonset_course.verbs import rollout
progress.FIRST, live_wait.BEGIN = 0.5, 0.0
live_wait.current, rollout.components_first = lambda: cluster, nullcontext
seen, done = [], threading.Event()

def waited(name, namespace, timeout):
    assert done.wait(timeout)
    return rollout.status_of({})

rollout._waited = waited

def end_when(true):
    def watch():
        while not true(): time.sleep(0.01)
        done.set()
    threading.Thread(target=watch, daemon=True).start()

def wait(true, timeout=30):
    done.clear(); end_when(true)
    return rollout.wait_rollout('agent', timeout=timeout)
"""
# A frame is drawn in a view: then the wait ends.
DRAWN = "wait(lambda: 'agent' in progress.shown_live)"
LINE = "wait(lambda: progress._Line.now and progress._Line.now._shown)"


def pictures(kernel: Kernel, cell: str) -> list[str]:
    """What each output of a cell said first."""
    return [shown(one) for one in kernel.of(cell, "display_data")]


def test_a_rollout_that_is_waited_for_is_drawn_and_its_last_picture_stays(kernel: Kernel) -> None:
    kernel.run(WAITS)
    cell = kernel.run(DRAWN, cellId="w1")
    [output] = kernel.of(cell, "display_data")
    last = kernel.updates(display_of(output))[-1]

    assert "<figure" in shown(output)
    assert "<figure" in last
    assert "<script" in last
    kernel.run(NO_THREAD)
    kernel.run("assert not progress.shown_live and not live_wait.running")


def test_a_wait_that_fails_or_is_interrupted_leaves_the_last_picture_and_no_thread(
    kernel: Kernel, kernels: KernelManager
) -> None:
    kernel.run(WAITS)
    cell = kernel.begin("wait(lambda: False)", cellId="w1")
    output = kernel.until(lambda m: m["msg_type"] == "display_data")
    kernels.interrupt_kernel()
    kernel.until(lambda m: state_of(m) == "idle" and parent_of(m) == cell)

    assert "<script" in kernel.updates(display_of(output))[-1]
    kernel.run(NO_THREAD)


@pytest.mark.parametrize(
    ("before", "cell"),
    [
        ("", ""),  # nbval and nbconvert name no cell
        ("r = Recorder(cluster, 'agent', 'default'); r.start()", "w1"),
        ("r = Recorder(cluster, 'other', 'default', live=True); r.start()", "w1"),
    ],
    ids=["a cell without a name", "a record without a view", "a record of another"],
)
def test_a_line_says_how_far_it_is_where_no_view_belongs(
    kernel: Kernel, before: str, cell: str
) -> None:
    kernel.run(f"{WAITS}\nr = None\n{before}")
    begun = kernel.run(LINE, **({"cellId": cell} if cell else {}))

    assert pictures(kernel, begun) == ["Waiting for the rollout of agent"]
    kernel.run("r and r.stop()")
    kernel.run(NO_THREAD)


def test_a_record_with_a_view_shows_the_wait_within_it_and_nothing_more(kernel: Kernel) -> None:
    kernel.run(WAITS)
    cell = kernel.run(
        "asked = []\n"
        "real = progress._Line._text\n"
        "progress._Line._text = lambda line: (asked.append(1), real(line))[1]\n"
        "with record(): wait(lambda: len(asked) >= 2)\n"
        "progress._Line._text = real",
        cellId="w1",
    )

    assert len(pictures(kernel, cell)) == 1
    assert "<figure" in pictures(kernel, cell)[0]


def test_a_wait_that_is_short_is_not_recorded(kernel: Kernel) -> None:
    kernel.run(f"{WAITS}\nlive_wait.BEGIN = 60")
    cell = kernel.run("wait(lambda: True)\nassert not live_wait.running", cellId="w1")

    assert pictures(kernel, cell) == []


def test_a_wait_that_ends_while_the_first_lists_come_leaves_no_thread(kernel: Kernel) -> None:
    kernel.run(f"{WAITS}\nprogress.FIRST = 60")
    cell = kernel.run("wait(lambda: live_wait.running)", cellId="w1")
    kernel.run(
        "for t in threading.enumerate():\n    if t.name.startswith('live-wait'): t.join(30)\n"
        f"{NO_THREAD}\nassert not live_wait.running"
    )

    assert pictures(kernel, cell) == []


def test_at_the_end_of_the_kernel_the_last_picture_says_so(
    kernel: Kernel, kernels: KernelManager
) -> None:
    cell = kernel.run("r = record(); r.start()")
    display = display_of(kernel.of(cell, "display_data")[0])
    kernel.client.shutdown()

    found = kernel.until(lambda m: updates(display)(m) and "The kernel ended" in shown(m))
    assert "<script" in shown(found)
    kernels.finish_shutdown()
    kernels.cleanup_resources()


def shown_text(kernel: Kernel, code: str) -> str:
    cell = kernel.run(code)
    return "".join(m["content"]["text"] for m in kernel.of(cell, "stream"))
