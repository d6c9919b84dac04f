"""%kubectl and %%kubectl in a real shell of IPython, with a kubectl that prints its arguments."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import daemonset_course
from daemonset_course.errors import BadInput, CommandFailed
from daemonset_course.verbs import kubectl as verb

FAKE = f"""\
#!{sys.executable}
import json, os, sys
words = sys.argv[1:]
if "fail" in words:
    sys.exit("Error from server (NotFound): pods not found")
if "nothing" not in words:
    print(json.dumps([words, sys.stdin.read(), os.environ.get("KUBECONFIG")]))
"""
Cell = Callable[..., Any]


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    (tmp_path / "kubectl").write_text(FAKE)
    (tmp_path / "kubectl").chmod(0o755)
    cluster = SimpleNamespace(
        name="course",
        backend=SimpleNamespace(programs=tmp_path, capabilities=frozenset({"probes"})),
        environment=lambda: {"KUBECONFIG": "the course's"},
    )
    monkeypatch.setattr(verb, "current", lambda: cluster)
    monkeypatch.setenv("KUBECONFIG", "the learner's")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=Config(HistoryManager={"enabled": False}))
    yield shell
    InteractiveShell.clear_instance()


@pytest.fixture
def cell(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> Cell:
    """Run a cell with the magics loaded; returns what it printed, which may be an Out, too."""
    daemonset_course.load_ipython_extension(shell)

    def run(code: str) -> str:
        result = shell.run_cell(code)
        result.raise_error()
        return capsys.readouterr().out

    run("pass")
    return run


def given(text: str) -> list[str]:
    return json.loads(text)[0]


def test_it_prints_what_kubectl_prints_on_the_courses_cluster(cell: Cell) -> None:
    words, stdin, kubeconfig = json.loads(cell("%kubectl get pods -o wide"))

    assert words == ["get", "pods", "-o", "wide"]
    assert stdin == ""
    assert kubeconfig == "the course's"


def test_each_statement_prints_once_wherever_it_stands(cell: Cell) -> None:
    code = (
        "%kubectl one\nif True:\n    %kubectl two\ndef f():\n    %kubectl three\nf()\n%kubectl four"
    )

    assert [given(line) for line in cell(code).splitlines()] == [
        ["one"],
        ["two"],
        ["three"],
        ["four"],
    ]
    assert cell("%kubectl nothing") == ""


def test_an_assignment_keeps_the_text_and_prints_nothing(
    cell: Cell, shell: InteractiveShell
) -> None:
    assert cell("pods = %kubectl get pods -o name") == ""
    pods = shell.user_ns["pods"]
    assert isinstance(pods, str)
    assert given(pods) == ["get", "pods", "-o", "name"]
    assert cell("pods").strip().endswith(repr(pods)), "a value of a cell, shown as kubectl does"


def test_what_captures_or_times_a_cell_does_so(cell: Cell, shell: InteractiveShell) -> None:
    assert cell("%%capture kept\n%kubectl get pods\n1") == ""
    assert given(shell.user_ns["kept"].stdout) == ["get", "pods"]
    assert '["get", "pods"]' in cell("%%time\n%kubectl get pods\nx = 1")


def test_the_cell_that_loads_the_magics_prints_each_once(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    load = "import daemonset_course; daemonset_course.load_ipython_extension(get_ipython())"
    shell.run_cell(f"{load}\n%kubectl one\n%kubectl two").raise_error()

    printed = capsys.readouterr().out.replace("Out[0]: ", "")  # a terminal's, not a notebook's
    assert [given(line) for line in printed.splitlines()] == [["one"], ["two"]]


def test_a_cell_is_sent_as_it_is(cell: Cell) -> None:
    body = "metadata: {name: agent}\nspec: {x: $name, y: '{name}'}\n"
    name = "name = 'n'\n"
    cell(name)
    words, stdin, _ = json.loads(cell(f"%%kubectl apply -n $name -f -\n{body}"))

    assert words == ["apply", "-n", "n", "-f", "-"]
    assert stdin == body


def test_the_line_of_a_cell_goes_on_after_a_backslash(cell: Cell) -> None:
    words, stdin, _ = json.loads(cell("%%kubectl apply \\\n  --server-side \\\n  -f -\na: 1\n"))

    assert words == ["apply", "--server-side", "-f", "-"]
    assert stdin == "a: 1\n"


def test_a_cell_that_nothing_reads_is_refused(cell: Cell) -> None:
    with pytest.raises(BadInput, match="does not read the lines under it") as error:
        cell("%%kubectl get pods\nget nodes\n")
    assert "Add -f -" in error.value.next_step


def test_a_command_goes_on_after_a_backslash(cell: Cell) -> None:
    printed = cell("%kubectl get pods \\\n    -l 'a in (x,y)' \\\n    -o name\nx = 1")

    assert given(printed) == ["get", "pods", "-l", "a in (x,y)", "-o", "name"]


def test_values_of_the_cell_and_of_a_function(cell: Cell) -> None:
    cell("node = 'worker'\nnodes = ['a', 'b']")
    line = "get node {node} $node {' '.join(nodes)} -o jsonpath='{.metadata.name}'"

    assert given(cell(f"%kubectl {line}"))[2:] == [
        *["worker", "worker", "a", "b", "-o", "jsonpath={.metadata.name}"]
    ]
    code = (
        "def ask(node):\n    text = %kubectl get node {node}\n    return text\nprint(ask('mine'))"
    )
    assert given(cell(code)) == ["get", "node", "mine"]


@pytest.mark.parametrize(
    ("command", "simulated"),
    [("logs ds/fail fail", True), ("exec fail", True), ("debug fail", True), ("get fail", False)],
)
def test_what_only_containers_can_answer_is_not_told_to_be_corrected(
    cell: Cell, command: str, simulated: bool
) -> None:
    with pytest.raises(CommandFailed) as error:
        cell(f"%kubectl {command}")

    assert ("simulated and run no container" in error.value.next_step) is simulated
    assert ("correct the command" in error.value.next_step) is not simulated


def test_a_failure_is_that_of_the_function(cell: Cell, shell: InteractiveShell) -> None:
    with pytest.raises(CommandFailed, match="kubectl get fail failed") as error:
        cell("%kubectl get fail\nreached = True")
    assert "pods not found" in error.value.seen
    assert "reached" not in shell.user_ns

    with pytest.raises(CommandFailed):
        cell("x = %kubectl fail")


@pytest.mark.parametrize(
    "line", ["get pods | wc -l", "edit ds/agent", "get {nothing_of_that_name}"]
)
def test_what_is_refused_is_not_run(cell: Cell, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.setattr(verb, "run", lambda *_, **__: pytest.fail("it ran"))

    with pytest.raises(BadInput):
        cell(f"%kubectl {line}")


def test_loading_again_changes_nothing(cell: Cell, shell: InteractiveShell) -> None:
    cell("%load_ext daemonset_course\n%reload_ext daemonset_course")

    assert len(cell("%kubectl get pods").splitlines()) == 1
    assert len(shell.ast_transformers) == 1


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_import_loads_the_magics_where_ipython_runs() -> None:
    assert python(
        "from IPython.core.interactiveshell import InteractiveShell as S; s = S.instance()\n"
        "s.run_cell('from daemonset_course.errors import CourseError').raise_error()\n"
        "print(s.find_magic('kubectl') is not None, s.find_cell_magic('kubectl') is not None)"
    ).endswith("True True")


def test_the_import_elsewhere_neither_needs_nor_imports_ipython() -> None:
    assert python("import sys, daemonset_course; print('IPython' in sys.modules)") == "False"
    code = "import sys, IPython, daemonset_course; print('daemonset_course.magics' in sys.modules)"
    assert python(code) == "False"
