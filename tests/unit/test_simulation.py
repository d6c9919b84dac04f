"""What simulated kubelets do not play is named, and one table says it."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml

import simulation_page
from daemonset_course.simulation import not_played, sentence, table
from daemonset_course.verbs import not_played as edge

DATA = resources.files("daemonset_course").joinpath("data")
# Fields that the stages read and that are no choice of a manifest's.
IDENTITY = {"name", "hostNetwork", "nodeName"}


def daemonset(container: dict[str, Any] | None = None, **pod: Any) -> dict[str, Any]:
    spec = {"containers": [{"name": "main", "image": "a:1"} | (container or {})]} | pod
    return {"kind": "DaemonSet", "spec": {"template": {"spec": spec}}}


def test_the_page_is_that_of_the_table() -> None:
    assert simulation_page.PAGE.read_text() == simulation_page.page(), "tools/simulation_page.py"


def test_a_row_says_what_is_played_or_what_is_not() -> None:
    fields = [row.field for row in table()]

    assert len(fields) == len(set(fields))
    for row in table():
        assert row.played or row.left
        assert bool(row.values) == (row.told == "other")
        assert row.told == "never" or row.left


def test_every_field_of_a_spec_that_a_stage_reads_has_a_row() -> None:
    files = ("stages.yaml", "step.jq", "podstatus.gotmpl")
    text = "\n".join(DATA.joinpath(name).read_text() for name in files)
    # Paths in jq, and the words of `dig` in the templates.
    read = {
        word
        for word in re.findall(r"[.\"]([a-z]+[A-Z][A-Za-z]+|image|command)\b", text)
        if word in KNOWN
    }
    told = {part for row in table() for part in re.split(r"\.|\[\]", row.field)}

    assert read
    assert read <= told


KNOWN = {
    *("image", "command", "args", "imagePullPolicy", "restartPolicy", "livenessProbe"),
    *("readinessProbe", "startupProbe", "initialDelaySeconds", "periodSeconds", "preStop"),
    *("postStart", "initContainers", "terminationGracePeriodSeconds", "readinessGates"),
    *("activeDeadlineSeconds", "runAsNonRoot", "envFrom", "failureThreshold"),
}


@pytest.mark.parametrize(
    ("manifest", "named"),
    [
        (daemonset(), ()),
        (daemonset({"command": ["false"]}), ()),
        (daemonset({"command": ["sh", "-c", "exit 1"]}), ("containers[].command",)),
        (daemonset({"args": ["--all"]}), ("containers[].args",)),
        (
            daemonset({"lifecycle": {"postStart": {}, "preStop": {"sleep": {"seconds": 5}}}}),
            ("containers[].lifecycle.postStart",),
        ),
        (
            daemonset({"readinessProbe": {"initialDelaySeconds": 3, "httpGet": {"port": 80}}}),
            ("containers[].readinessProbe.httpGet",),
        ),
        (daemonset({"readinessProbe": {"exec": {"command": ["true"]}}}), ()),
        (
            daemonset(initContainers=[{"name": "a", "command": ["sleep", "9"]}]),
            ("containers[].command",),
        ),
        (
            daemonset(volumes=[{"name": "a", "emptyDir": {}}, {"hostPath": {"path": "/"}}]),
            ("volumes[].hostPath",),
        ),
        ({"kind": "Pod", "spec": {"containers": [{"livenessProbe": {}}]}},
         ("containers[].livenessProbe",)),
        ({"kind": "List", "items": [daemonset({"args": []})]}, ("containers[].args",)),
        ({"spec": {"template": {"spec": {"volumes": [{"secret": {}}]}}}}, ("volumes[].secret",)),
        ({"kind": "Namespace", "metadata": {"name": "a"}}, ()),
        (daemonset({"command": "sh"}, volumes="none"), ("containers[].command",)),
        ("no object", ()),
    ],
)  # fmt: skip
def test_the_fields_that_are_not_played(manifest: Any, named: tuple[str, ...]) -> None:
    assert not_played(manifest) == named


def test_one_line_names_the_fields() -> None:
    said = sentence(("containers[].lifecycle.postStart", "volumes[].hostPath"))

    assert "\n" not in said
    assert "containers.lifecycle.postStart, volumes.hostPath" in said


class Fake:
    """A cluster, as far as the edge reads it."""

    def __init__(self, name: str, *capabilities: str) -> None:
        self.name = name
        self.backend = self
        self.capabilities = frozenset(capabilities)


def test_each_field_is_said_once_and_only_where_kubelets_are_simulated(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge, "_told", set())
    manifest = daemonset({"args": ["a"]})
    cluster: Any = Fake("one")

    def said(cluster: Any, text: str) -> str:
        edge.tell_of_text(cluster, [text])
        out, err = capsys.readouterr()
        return out + err

    assert said(Fake("kind", "probes"), yaml.safe_dump(manifest)) == ""
    assert said(cluster, yaml.safe_dump(manifest)).count("containers.args") == 1
    assert said(cluster, yaml.safe_dump(manifest)) == ""
    more = said(cluster, yaml.safe_dump(daemonset({"args": [], "livenessProbe": {}})))
    assert "livenessProbe" in more
    assert "args" not in more
    assert said(Fake("two"), yaml.safe_dump(manifest)) != ""
    assert said(cluster, "a: [broken") == ""
    assert Path(simulation_page.PAGE).name in sentence(["a"])
