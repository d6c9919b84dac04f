"""A number, boolean or date without quotes where a string must be: the line, in one sentence."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from daemonset_course.errors import ApiError, CommandFailed, CourseError, Reason, Rejected
from daemonset_course.lab.typed import quotes_missing
from daemonset_course.verbs import apply as apply_module
from daemonset_course.verbs import kubectl as kubectl_module
from daemonset_course.verbs.apply import apply
from daemonset_course.verbs.kubectl import kubectl

POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: a
spec:
  containers:
  - name: a
    env:
    - name: RELEASE
      value: 2
"""
SENTENCE = (
    "Line 10 (value: 2): 2 is a number, and an env value must be a string; put it between quotes: "
    '"2".'
)
PATCH = '{"spec": {"template": {"metadata": {"labels": {"canary": true}}}}}'


def refused() -> Rejected:
    return Rejected("Pod a", [Reason("", "expected string, got &value.valueUnstructured{Value:2}")])


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> list[CourseError]:
    """The error with which the API server answers to whatever is applied."""
    errors: list[CourseError] = [refused()]

    def request(*_: object, **__: object) -> None:
        raise errors[0]

    api = SimpleNamespace(path_of=lambda *_: "/api/v1/namespaces/default/pods/a", request=request)
    monkeypatch.setattr(apply_module, "current", lambda: SimpleNamespace(api=api))
    return errors


def test_a_text_names_the_line_and_one_with_quotes_or_broken_yaml_names_none() -> None:
    assert quotes_missing(POD) == SENTENCE
    assert quotes_missing(POD.replace("2", '"2"')) == ""
    assert quotes_missing("a: [") == ""
    assert quotes_missing("[" * 5000) == ""
    assert quotes_missing(POD + "#" * 100_000) == ""


@pytest.mark.parametrize(
    "error", [refused(), ApiError("The API server failed.", 500, seen="typed patch")]
)
def test_apply_says_so_when_the_server_refuses(
    refusing: list[CourseError], tmp_path: Path, error: CourseError
) -> None:
    refusing[0] = error
    path = tmp_path / "a.yaml"
    path.write_text(POD)

    for source in (POD, path):
        with pytest.raises(type(error)) as caught:
            apply(source)
        assert caught.value.next_step == SENTENCE


@pytest.mark.usefixtures("refusing")
def test_another_refusal_keeps_its_own_next_step() -> None:
    with pytest.raises(Rejected) as caught:
        apply(POD.replace("2", '"2"'))

    assert caught.value.next_step == refused().next_step


@pytest.mark.parametrize(
    ("command", "arguments", "stdin", "says"),
    [
        ("apply -f -", (), POD, "Line 10 (value: 2)"),
        ("apply -f FILE", (), None, "Line 10 (value: 2)"),
        ("apply --filename=FILE", (), None, "Line 10 (value: 2)"),
        ("patch ds a --patch", (PATCH,), None, "labels.canary must be a string"),
        ("patch ds a -p", (PATCH,), None, "labels.canary must be a string"),
        ("patch ds a", (f"--patch={PATCH}",), None, "labels.canary must be a string"),
        ("apply -f NOWHERE", (), None, "The message above is kubectl's own"),
        ("get pods", (), None, "The message above is kubectl's own"),
    ],
)
def test_kubectl_says_so_when_it_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str, arguments: tuple[str, ...],
    stdin: str | None, says: str,
) -> None:  # fmt: skip
    (tmp_path / "a.yaml").write_text(POD)

    def run(*_: object, next_step: str, **__: object) -> Any:
        raise CommandFailed("kubectl failed.", seen="cannot convert", next_step=next_step)

    backend = SimpleNamespace(programs=tmp_path)
    cluster = SimpleNamespace(name="course", backend=backend, environment=dict)
    monkeypatch.setattr(kubectl_module, "current", lambda: cluster)
    monkeypatch.setattr(kubectl_module, "run", run)
    with pytest.raises(CommandFailed) as caught:
        kubectl(command.replace("FILE", str(tmp_path / "a.yaml")), *arguments, stdin=stdin)

    assert says in caught.value.next_step
