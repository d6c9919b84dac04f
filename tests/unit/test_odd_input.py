"""Whatever is typed into a verb, nothing but an error of the course comes out of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fake_server import FakeServer
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import daemonset_course as course
from daemonset_course import lessons
from daemonset_course.binaries import pinned
from daemonset_course.cluster import lifecycle
from daemonset_course.cluster.api import Api, segment
from daemonset_course.cluster.embedded.embedded_backend import Embedded
from daemonset_course.cluster.lifecycle import Cluster
from daemonset_course.cluster.state import State
from daemonset_course.errors import BadInput, CourseError, NotFound, NotRejected, Reason, Rejected
from daemonset_course.lab import lab
from daemonset_course.places import cluster_dir, cluster_name
from daemonset_course.recording import rerecord, steps
from daemonset_course.verbs import conditions, control_plane, exporter, faults, nodes, shells

# A character of each kind that something on the way may stumble over.
ODD = "\x00\n\r\t /\\.%?#&=+:;,'\"`$(){}[]<>|*~!@^-_aZ0é\u2028\ud800\U0001f600"
WORDS = st.one_of(
    st.text(st.sampled_from(ODD), max_size=12),
    st.text(max_size=12),
    st.sampled_from(["", ".", "..", "../..", "-", "--all", "a b", "worker?x", "'", "\0"]),
)


@dataclass(frozen=True)
class Answer:
    """What the API server answers, whatever it is asked; None: an empty list."""

    status: int
    body: bytes | None


def refusal(status: int, message: str) -> Answer:
    return Answer(status, json.dumps({"kind": "Status", "message": message}).encode())


REFUSALS = [
    refusal(404, "not found"),
    refusal(400, "bad request"),
    refusal(403, "forbidden"),
    refusal(409, "conflict"),
    refusal(500, "etcdserver: request timed out"),
    Answer(503, b"<html>"),
    Answer(200, b"<html>"),
    Answer(200, b"[]"),
    Answer(200, b'"text"'),
]
DAEMONSET = {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent"}}

Verb = Callable[[str, str], object]
AT_ONCE: dict[str, Verb] = {
    "add_node": lambda a, b: course.add_node(**{a: b}),
    "allocatable_cpu": lambda a, _: nodes.allocatable_cpu(a),
    "apply": lambda a, b: course.apply(a, namespace=b),
    "apply a path": lambda a, _: course.apply(Path(a)),
    "apply a dict": lambda a, b: course.apply(
        {"apiVersion": a, "kind": b, "metadata": {"name": a}}
    ),
    "apply a kind": lambda a, b: course.apply(DAEMONSET | {"apiVersion": a, "kind": b}),
    "apply a name": lambda a, b: course.apply(
        DAEMONSET | {"metadata": {"name": a, "namespace": b}}
    ),
    "apply metadata": lambda a, _: course.apply(DAEMONSET | {"metadata": a}),
    "break_node": lambda a, _: course.break_node(a),
    "break_node how": lambda a, b: course.break_node(a, b),  # type: ignore[arg-type]
    "cordon": lambda a, _: course.cordon(a),
    "daemonset_status": lambda a, b: lessons.daemonset_status(a, namespace=b),
    "deploy": lambda a, b: exporter.deploy({a: DAEMONSET | {"metadata": {"name": b}}}),
    "drain": lambda a, b: course.drain(a, b),
    "fill_node": lambda a, _: faults.fill_node(a),
    "kubectl": lambda a, b: course.kubectl(a, b, stdin=b),
    "label": lambda a, b: course.label(a, **{b: a}),
    "nodes_with": lambda a, b: lessons.nodes_with(a, namespace=b),
    "missing_image": lambda a, _: faults.missing_image(a),
    "set_network_unavailable": lambda a, _: conditions.set_network_unavailable(a, status=False),
    "record": lambda a, b: course.record(a, namespace=b),
    "recover_node": lambda a, _: course.recover_node(a),
    "release": lambda a, _: lessons.release(1, a),
    "rejected": lambda a, b: rejected_by(a, b),
    "remove_node": lambda a, b: nodes.remove_node(a, b),
    "scheduler_messages": lambda a, _: lessons.scheduler_messages(a),
    "set_budget": lambda a, b: lessons.set_budget(a, b),
    "try_apply": lambda a, b: lessons.try_apply(a, namespace=b),
    "try_evict": lambda a, _: lessons.try_evict(a),
    "try_kubectl": lambda a, b: lessons.try_kubectl(a, b),
    "try_rollout": lambda a, b: lessons.try_rollout(a, namespace=b, timeout=0.1),
    "uids": lambda a, _: lessons.uids(a),
    "scrape": lambda a, b: exporter.scrape(a, 80, namespace=b),
    "shell": lambda a, b: shells.shell(a, b),
    "set_pressure": lambda a, b: conditions.set_pressure(a, b, status=True),  # type: ignore[arg-type]
    "stop_component": lambda a, _: control_plane.stop_component(a),
    "taint": lambda a, b: course.taint(a, b),
    "wait_rollout": lambda a, b: course.wait_rollout(a, namespace=b, timeout=0.1),
    "why": lambda a, b: course.why(a, namespace=b),
    "why a node": lambda a, b: course.why(a, b),
}
# What waits, or reads an object, where the server lets it: these meet refusals alone.
REFUSED = {
    "add_node", "allocatable_cpu", "break_node", "fill_node", "missing_image", "nodes_with",
    "recover_node", "scheduler_messages", "set_network_unavailable", "set_pressure", "try_evict",
    "uids",
}  # fmt: skip


def rejected_by(words: str, reason: str) -> None:
    with course.rejected(words):
        raise Rejected("agent", [Reason("", reason)])


@pytest.fixture
def fake(server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    """The server of the cluster that the verbs act on; its kubectl fails always."""
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    monkeypatch.setenv("COURSE_CLUSTER", "course")
    backend = Embedded("course", kubernetes="v1.36.0", pace=1.0)
    backend.programs.mkdir(parents=True)
    program = backend.programs / "kubectl"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    kubeconfig = server.kubeconfig(cluster_dir("course"))
    state = State("course", "id", "embedded", "v1.36.0", 1.0, complete=True)
    state.save()
    key = ("id", str(kubeconfig), kubeconfig.stat().st_mtime_ns)
    monkeypatch.setitem(lifecycle._clusters, key, Cluster(backend, Api(kubeconfig), state))
    return server


@pytest.mark.parametrize("verb", AT_ONCE)
def test_a_verb_raises_errors_of_the_course_alone(verb: str, fake: FakeServer) -> None:
    answers = REFUSALS if verb in REFUSED else [*REFUSALS, Answer(200, None), Answer(200, b"{}")]

    @settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(WORDS, WORDS, st.sampled_from(answers))
    def holds(a: str, b: str, answer: Answer) -> None:
        fake.status, fake.body = answer.status, answer.body
        with suppress(CourseError):
            AT_ONCE[verb](a, b)

    holds()


# One a line: what YAML reads as something else than a text, or cannot read.
YAML = """\
2001-99-99
2001-01-01
2001-01-01T00:00:00Z
.nan
.inf
1e999
0x
010
1:99
~
no
[]
{}
[a]
{<<: a}
{2001-01-01: a}
{[a]: b}
&a [*a]
!!binary aGk=
!!bool maybe
!!int a
!!float a
!!timestamp a
!!set {a}
!!omap [a: b]
!a b
*a
|
?
@a"""
SCALARS = st.one_of(WORDS, st.sampled_from(YAML.splitlines()), st.just("9" * 5000))


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(SCALARS, min_size=4, max_size=4))
@example(["v1", "[a]", "{name: a}", "a"])
@example(["apps", "DaemonSet", "{name: a}", "a"])
@example(["apps/v1/", "DaemonSet", "{name: a}", "a"])
@example(["v1", "Pod", "text", "a"])
@example(["v1", "Pod", "{name: [a]}", "a"])
@example(["v1", "Pod", "{name: a}", "!!binary aGk="])
@example(["v1", "Pod", "{name: a}", "!!set {a}"])
@example(["v1", "Pod", "{name: a}", "&a [*a]"])
def test_a_manifest_is_applied_or_refused(fake: FakeServer, values: list[str]) -> None:
    resources = [{"name": "pods", "kind": "Pod", "namespaced": True}]
    applied = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}
    fake.body = json.dumps(applied | {"resources": resources}).encode()
    text = "apiVersion: {}\nkind: {}\nmetadata: {}\nspec: {}\n".format(*values)

    with suppress(CourseError):
        course.apply(text)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("a: !!bool maybe", "'maybe' is not what its tag !!bool says"),
        ("a: " + "[" * 500, "nested deeper than"),
        ("{apiVersion: v1, kind: Pod, metadata: {name: a}, a: .inf}", "JSON has no number inf"),
        ("{apiVersion: v1, kind: Pod, metadata: {name: a}, a: &a [*a]}", "value contains itself"),
    ],
)
@pytest.mark.usefixtures("fake")
def test_a_value_that_cannot_be_sent_is_shown(text: str, seen: str) -> None:
    with pytest.raises(BadInput) as refused:
        course.apply(text)
    assert seen in refused.value.seen


def test_a_date_is_sent_as_text(fake: FakeServer) -> None:
    fake.body = json.dumps(
        {"resources": [{"name": "pods", "kind": "Pod", "namespaced": True}]}
        | {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}
    ).encode()

    shown = course.apply("{apiVersion: v1, kind: Pod, metadata: {name: a}, a: 2001-01-01}")

    assert repr(shown) == "pod/a applied"


def test_a_command_with_an_open_quotation_mark(fake: FakeServer) -> None:
    del fake
    with pytest.raises(BadInput, match="cannot be split into words") as refused:
        course.kubectl("get pods -l 'a=b")
    assert refused.value.seen == "No closing quotation"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../pods", "a%2Fb"])
def test_a_name_that_is_no_segment_of_a_path_is_not_asked_for(name: str, fake: FakeServer) -> None:
    with pytest.raises(BadInput, match="cannot be the name of an object"):
        course.cordon(name)
    assert fake.lists == 0


def test_a_name_is_quoted_in_a_path() -> None:
    assert segment("course-worker2") == "course-worker2"
    assert segment("a?b#c d:é") == "a%3Fb%23c%20d%3A%C3%A9"


def test_what_does_not_exist_is_told_apart(fake: FakeServer) -> None:
    fake.body = b'{"items": []}'

    with pytest.raises(NotFound, match="no DaemonSet 'agnet'"):
        course.why("agnet")
    with pytest.raises(NotFound, match="no lab '99'"):
        lab.find("99")
    with pytest.raises(NotFound, match="no lesson"):
        rerecord._notebook("99")


def test_what_was_not_refused_fails_an_assertion() -> None:
    with pytest.raises(NotRejected, match="was expected to refuse"), course.rejected("selector"):
        pass
    with pytest.raises(AssertionError) as other:
        rejected_by("selector", "Forbidden: image")

    assert isinstance(other.value, NotRejected)
    assert other.value.seen == "Forbidden: image"
    assert isinstance(other.value.__cause__, Rejected)


@given(WORDS)
def test_names_of_other_things(word: str) -> None:
    for verb in (cluster_name, lab.find, rerecord._notebook, pinned.resolve):
        with suppress(CourseError):
            verb(word)  # type: ignore[operator]


LINES = (
    '{"record": "value", "key": "a", "value": 1}',
    '{"record": "value"}',
    '{"record": "log", "key": "a"}',
    '{"record": "header"}',
    '{"a": 1}',
    "[]",
    "1",
    "",
    "{",
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(LINES)))
def test_a_damaged_recording_of_a_step(tmp_path: Path, lines: list[str]) -> None:
    path = tmp_path / "08-step.jsonl"
    head: dict[str, Any] = {"record": "step", "format": steps.FORMAT}
    path.write_text("\n".join([json.dumps(head), *lines]))

    with suppress(BadInput):
        steps.load(path)
