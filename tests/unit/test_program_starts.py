"""Every program starts, and every client is made, where its environment is decided."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemonset_course.environment import RULES, SET, for_go, for_programs, for_python, reaches

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "daemonset_course"
STARTS = {
    "subprocess": {"run", "Popen", "call", "check_call", "check_output", "getoutput"},
    "os": {
        "system", "popen", "execv", "execve", "execl", "execle", "execvp", "execvpe", "execlp",
        "spawnv", "spawnve", "spawnl", "posix_spawn", "posix_spawnp", "startfile", "forkpty",
    },
    "pty": {"spawn"},
    "asyncio": {"create_subprocess_exec", "create_subprocess_shell"},
    "multiprocessing": {"Process", "Pool"},
}  # fmt: skip
# Where a client is made that reads the environment, and what keeps the environment from it.
CLIENTS = {
    "ApiClient": {"cluster/api.py"},  # no proxy
    "Configuration": {"cluster/api.py"},
    "Client": {"binaries/download.py"},  # httpx: with proxies, except to this machine
    "HTTPTransport": {"binaries/download.py"},
    "NotebookClient": {"recording/rerecord.py"},  # in for_python
    "urlopen": set(),
    "urlretrieve": set(),
    "KernelManager": set(),
}
# All of os.environ: made into an environment; and JupyterLab's own process, which was given one.
WHOLE = {"environment.py", "jupyter.py", "recording/rerecord.py"}


def starts(tree: ast.AST) -> Iterator[ast.Call]:
    """The calls that start a program."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(module), attr=name)):
                if name in STARTS.get(module, ()):
                    yield node


def imports_a_start(tree: ast.AST) -> bool:
    """Whether a function that starts programs is imported by its own name."""
    return any(
        isinstance(node, ast.ImportFrom)
        and {alias.name for alias in node.names} & STARTS.get(node.module or "", set())
        for node in ast.walk(tree)
    )


def decided(call: ast.Call) -> bool:
    """Whether a call says the whole environment of the program, and not that of this process."""
    given = [keyword.value for keyword in call.keywords if keyword.arg == "env"]
    if isinstance(call.func, ast.Attribute) and call.func.attr == "execve":
        given = call.args[2:]
    text = ast.unparse(given[0]) if given else "None"
    return text != "None" and "os.environ" not in text


def whole_environment(tree: ast.AST) -> bool:
    """Whether ``os.environ`` is used other than with the name of a variable."""
    named = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript)
        or (isinstance(node, ast.Attribute) and node.attr in ("get", "pop", "setdefault"))
    }
    return any(
        ast.unparse(node) == "os.environ" and id(node) not in named
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
    )


def trees(folder: Path) -> dict[str, ast.Module]:
    """The code of a folder, by path."""
    paths = sorted(folder.rglob("*.py"))
    return {path.relative_to(folder).as_posix(): ast.parse(path.read_text()) for path in paths}


def test_only_one_module_starts_programs_and_it_says_their_environment() -> None:
    found = trees(SOURCE)
    starting = {path for path, tree in found.items() if any(starts(tree)) or imports_a_start(tree)}

    assert starting == {"programs.py"}
    assert all(map(decided, starts(found["programs.py"])))


def test_tools_say_the_environment_of_what_they_start() -> None:
    found = {path: list(starts(tree)) for path, tree in trees(ROOT / "tools").items()}

    assert any(found.values())
    assert {path for path, calls in found.items() if not all(map(decided, calls))} == set()
    assert not any(map(imports_a_start, trees(ROOT / "tools").values()))


def test_the_environment_of_this_process_is_passed_on_by_one_module() -> None:
    assert {path for path, tree in trees(SOURCE).items() if whole_environment(tree)} == WHOLE


@pytest.mark.parametrize("client", CLIENTS)
def test_each_client_is_made_in_one_place(client: str) -> None:
    made = {
        path
        for path, tree in trees(SOURCE).items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == client
    }

    assert made == CLIENTS[client]


@pytest.mark.parametrize(
    ("code", "is_decided"),
    [
        ("subprocess.run(['a'])", False),
        ("subprocess.Popen(['a'], env=None)", False),
        ("subprocess.run(['a'], env=os.environ | {'A': 'b'})", False),
        ("subprocess.run(['a'], env=for_tools())", True),
        ("os.execv('a', [])", False),
        ("os.execve('a', [], for_tools())", True),
    ],
)
def test_what_counts_as_said(code: str, is_decided: bool) -> None:
    (call,) = starts(ast.parse(code))

    assert decided(call) is is_decided


@pytest.mark.parametrize(
    ("code", "whole"),
    [
        ("dict(os.environ)", True),
        ("os.environ | {}", True),
        ("os.environ.copy()", True),
        ("os.environ.get('A')", False),
        ("os.environ['A'] = 'b'", False),
    ],
)
def test_what_counts_as_the_whole(code: str, whole: bool) -> None:
    assert whole_environment(ast.parse(code)) is whole


def test_tests_run_in_the_environment_of_the_course() -> None:
    made = for_python()
    # Values differ where a notebook went on with the folders of the one before it.
    steering = [n for n in os.environ if not reaches(n, "python") and n not in made]

    steering = [name for name in steering if not name.startswith("PYTHON")]  # pytest-cov, xdist
    assert set(steering) <= {"KUBECONFIG"}  # of a cluster of the live tests before
    assert os.environ["KUBERC"] == "off"


def test_the_page_names_what_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"HTTPS_PROXY": "http://proxy.example:1"})
    made = {"programs": for_programs(), "python": for_python(), "go": for_go("linux/amd64")}

    for kind, environment in made.items():
        assert {name for name, kinds, _ in SET if kind in kinds} <= set(environment)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.names[0])
def test_no_program_of_a_kind_gets_what_a_rule_removes(
    rule: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert hasattr(rule, "names")
    made = {"programs": for_programs, "python": for_python, "go": lambda: for_go("linux/amd64")}
    names = [name.replace("*", "_SOMETHING_NEW") for name in rule.names]
    for name in names:
        monkeypatch.setenv(name, "the learner's")

    for kind, make in made.items():
        if kind in rule.kinds:
            assert [name for name in names if make().get(name) == "the learner's"] == []
