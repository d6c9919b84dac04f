"""Copies of an exporter on ports of their own, and what its metrics cost."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from daemonset_course.verbs import exporter, exporter_trials

GIVEN: dict[str, Any] = {
    "metadata": {"name": "exporter", "namespace": "monitoring"},
    "spec": {
        "selector": {"matchLabels": {"app": "exporter"}},
        "template": {
            "metadata": {"labels": {"app": "exporter"}},
            "spec": {"hostPID": True, "containers": [{"name": "x", "args": ["--a", "--b"]}]},
        },
    },
}


def test_a_copy_at_a_port_listens_there_and_names_it_only_as_a_host_port() -> None:
    before = deepcopy(GIVEN)

    made = exporter.at_port(GIVEN, 9111, hostPID=False)
    reserving = exporter.at_port(GIVEN, 9112, host_port=True, arguments=["--a"])

    assert before == GIVEN
    assert made["metadata"] == {"name": "at-9111"}
    spec = made["spec"]["template"]["spec"]
    assert spec["hostPID"] is False
    [container] = spec["containers"]
    assert container["args"] == ["--a", "--b", "--web.listen-address=:9111"]
    assert container["ports"] == []
    assert container["readinessProbe"]["httpGet"]["port"] == 9111
    [container] = reserving["spec"]["template"]["spec"]["containers"]
    assert container["args"] == ["--a", "--web.listen-address=:9112"]
    assert container["ports"] == [{"containerPort": 9112, "hostPort": 9112}]


def test_the_first_of_six_variants_changes_nothing_but_its_port() -> None:
    made = exporter_trials.variants(GIVEN)
    specs = {way: one["spec"]["template"]["spec"] for way, one in made.items()}

    assert [one["metadata"]["name"] for one in made.values()] == [
        f"at-{9121 + i}" for i in range(6)
    ]
    assert {way for way, spec in specs.items() if not spec["hostPID"]} == {"no hostPID", "neither"}
    assert {way for way, spec in specs.items() if spec.get("hostNetwork") is False} == {
        "no hostNetwork", "neither",
    }  # fmt: skip
    assert specs["as given"]["containers"][0]["args"] == [
        "--a",
        "--b",
        "--web.listen-address=:9121",
    ]
    assert all(spec["nodeSelector"] == {"disk": "ssd"} for spec in specs.values())


def test_four_copies_have_one_of_two_settings_or_both_or_none() -> None:
    made = exporter_trials.ways(GIVEN)
    specs = {way: one["spec"]["template"]["spec"] for way, one in made.items()}

    names = [one["metadata"]["name"] for one in made.values()]
    assert names == [f"at-{9111 + i}" for i in range(4)]
    assert {way for way, spec in specs.items() if spec["hostNetwork"]} == {"both", "network"}
    assert {way for way, spec in specs.items() if spec["containers"][0]["ports"]} == {
        "both", "port",
    }  # fmt: skip


def test_the_most_expensive_pod_counts_by_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = iter(range(100))

    def scrape(name: str, port: int, *, namespace: str) -> dict[str, str]:
        assert (name, port, namespace) == ("agent", 9100, "other")
        number = next(readings)
        cost = {"worker": (0.020, 16), "worker2": (0.030, 8)}  # seconds a reading, Mi
        return {
            node: f"process_cpu_seconds_total {5 + number * seconds}\n"
            f"process_resident_memory_bytes {size * 2**20}\n"
            for node, (seconds, size) in cost.items()
        }

    monkeypatch.setattr(exporter, "scrape", scrape)

    assert exporter.scrape_cost("agent", 9100, namespace="other") == {"Mi": 16, "ms": 30}
    assert next(readings) > 2
