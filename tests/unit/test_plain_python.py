"""Magics as Python, for what reads the code of lessons."""

from __future__ import annotations

import ast

import pytest

from daemonset_course.recording.plain_python import kubectl_lines, plain_python


@pytest.mark.parametrize(
    ("code", "python"),
    [
        ("%kubectl get pods", "kubectl('get pods')"),
        ("a, b = %kubectl get {x} $y.z '{.k}'", "a, b = kubectl(\"get {x} $y.z '{.k}'\", x, y.z)"),
        ("if x:\n    %kubectl get\ny", "if x:\n    kubectl('get')\ny"),
        ("%kubectl get \\\n  pods \\\n  -A\nx = 1", "kubectl('get pods -A')\n\n\nx = 1"),
        ("%kubectl get {x} | wc", "kubectl('get {x} | wc')"),
        ("%%kubectl a {x} \\\n -f -\na: {b: 1}", "kubectl('a {x} -f -', x, stdin='a: {b: 1}')"),
        ("%matplotlib inline\nx = %time f()\n!ls\ny = !ls", "pass\nx = None\npass\ny = None"),
        ("%%bash\nif then\n", "pass"),
        ("x = 5 % y\nz = (\n    x\n    % 2\n    != 1\n)\nx != 1", None),
        ("# %kubectl get pods", None),
    ],
)  # fmt: skip
def test_code(code: str, python: str | None) -> None:
    plain = plain_python(code)

    assert plain.rstrip("\n") == (code if python is None else python)
    assert plain.count("\n") == code.count("\n"), "what follows stays on its line"
    ast.parse(plain)


def test_the_command_lines_of_a_cell() -> None:
    code = "x = 1\ny = %kubectl get \\\n  pods\n%time f()\n%kubectl get nodes"

    assert kubectl_lines(code) == {1: "get pods", 4: "get nodes"}
    assert kubectl_lines("%%kubectl apply -f -\n%kubectl: 1") == {0: "apply -f -"}
    assert kubectl_lines("%%bash\n%kubectl x") == {}
