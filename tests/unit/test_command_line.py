"""What one types after %kubectl: words, values of Python, braces that are kubectl's, no shell."""

from __future__ import annotations

import pytest

from daemonset_course.command_line import expressions, split
from daemonset_course.errors import BadInput

NAMES = {
    "app": "agent",
    "two": "a b",
    "patch": '{"note": "don\'t | \\"go\\" > 1"}',
    "node": type("Node", (), {"name": "worker"}),
    "end": "the learner's",
    "names": ["a", "b"],
}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("get pods -o wide", ["get", "pods", "-o", "wide"]),
        ("get pods -l 'a in (x,y)'", ["get", "pods", "-l", "a in (x,y)"]),
        ("get {app} $app pod/$app-1", ["get", "agent", "agent", "pod/agent-1"]),
        ("get $node.name {node.name}", ["get", "worker", "worker"]),
        ("get -l app={names[0]},b={len(names)}", ["get", "-l", "app=a,b=2"]),
        ("get {' '.join(names)} {two}", ["get", "a", "b", "a", "b"]),
        ("get '{two}' \"$two\"", ["get", "a b", "a b"]),
        ("get '$app' $$app \\$app", ["get", "$app", "$app", "$app"]),
        ("patch -p '{patch}'", ["patch", "-p", NAMES["patch"]]),
        ('patch -p "{patch}"', ["patch", "-p", NAMES["patch"]]),
        ("patch -p '{\"a\": {\"b\": {len(names)}}}'", ["patch", "-p", '{"a": {"b": 2}}']),
        ("patch -p '{spec: {a: {}}}'", ["patch", "-p", "{spec: {a: {}}}"]),
        ("get {app} -o jsonpath={.items[*].x}", ["get", "agent", "-o", "jsonpath={.items[*].x}"]),
        (
            "get -o jsonpath='{range .items[*]}{.a}{\"\\n\"}{end}' $app",
            ["get", "-o", 'jsonpath={range .items[*]}{.a}{"\\n"}{end}', "agent"],
        ),
        (
            "get -o jsonpath='{.items[?(@.type==\"IP\")].x}{$.a}{..b}{[\"c\"]}'",
            ["get", "-o", 'jsonpath={.items[?(@.type=="IP")].x}{$.a}{..b}{["c"]}'],
        ),
        (
            "get -o go-template='{{range .items}}{{.a}}{{app}}{{end}}'",
            ["get", "-o", "go-template={{range .items}}{{.a}}{{app}}{{end}}"],
        ),
        ("get pods  # of an earlier run | x", ["get", "pods"]),
        ("get a#b '# c'", ["get", "a#b", "# c"]),
        ("label note='a | b > c && d; e' y=\\|", ["label", "note=a | b > c && d; e", "y=|"]),
        ("", []),
    ],
)  # fmt: skip
def test_words(line: str, words: list[str]) -> None:
    assert split(line, NAMES) == words


@pytest.mark.parametrize(
    ("line", "operator", "instead"),
    [
        ("get pods | grep x", "|", "splitlines"),
        ("get pods || true", "||", "splitlines"),
        ("get pods > f", ">", "write"),
        ("get pods 2>/dev/null", "2>", "write"),
        ("apply -f - <<EOF", "<<", "%%kubectl"),
        ("get pods && get nodes", "&&", "one command a line"),
        ("get pods &", "&", "one command a line"),
        ("get pods; get nodes", ";", "one command a line"),
        ("get $(kubectl get pods)", "$(", "Assign the inner command"),
        ('get "$(kubectl get pods)"', "$(", "Assign the inner command"),
        ("get `kubectl get pods`", "`", "Assign the inner command"),
    ],
)
def test_what_a_shell_would_do_is_refused(line: str, operator: str, instead: str) -> None:
    with pytest.raises(BadInput) as error:
        split(line, NAMES)

    assert error.value.failed.startswith(f"{operator} needs a shell")
    assert line in error.value.seen
    assert instead in error.value.next_step


def test_an_expression_without_a_value_is_an_error() -> None:
    with pytest.raises(BadInput, match=r"nod in the command line has no value") as missing:
        split("delete pod {nod}", NAMES)
    assert "NameError" in missing.value.seen

    with pytest.raises(BadInput, match=r"names\[7\]") as beyond:
        split("delete pod {names[7]}", NAMES)
    assert "IndexError" in beyond.value.seen


def test_a_quotation_that_does_not_end_is_an_error() -> None:
    with pytest.raises(BadInput, match="cannot be split"):
        split("get pods -l 'a", NAMES)


def test_the_expressions_of_a_line() -> None:
    line = "get {kind} -l '{a.b}' $c '$d' -o jsonpath='{.x}{end}' # {e}"

    assert expressions(line) == ["kind", "a.b", "c"]
