"""`make test-e2e`: which specs of Kubernetes' suite run, and what its table and status say."""

from __future__ import annotations

import re
from typing import Any

import pytest

import e2e_specs
from daemonset_course.errors import BadInput
from e2e_specs import Group, Selection

SPECS = [
    "[sig-apps] Daemon set [Serial] should run and stop simple daemon [Conformance]",
    "[sig-apps] Job should run a job to completion (once) [Conformance]",
    "[sig-apps] DaemonRestart [Disruptive] needs SSH",
    "[sig-network] Services should serve",
]
SIMPLE, JOB, RESTART, SERVICES = SPECS
SCOPE = ("[sig-apps]",)
ENDS = Group("no container ends", ("Job should run",), ("embedded",))
SSH = Group("no SSH", ("DaemonRestart",), ("embedded", "kind"))


def one(text: str, state: str, seconds: float = 1.0, message: str = "") -> dict[str, Any]:
    group, _, leaf = text.partition(" should ")
    found = {
        "ContainerHierarchyTexts": [group, ""] if leaf else None,
        "LeafNodeText": f"should {leaf}" if leaf else text,
        "LeafNodeType": "It",
        "State": state,
        "RunTime": int(seconds * 1e9),
    }
    return found | ({"Failure": {"Message": message}} if message else {})


def report(*specs: dict[str, Any]) -> list[dict[str, Any]]:
    suite = {"LeafNodeType": "SynchronizedBeforeSuite", "LeafNodeText": "", "State": "passed"}
    return [{"SpecReports": [suite, *specs]}]


def test_a_spec_s_text_is_that_of_its_containers_and_its_own() -> None:
    assert [
        text for text, _ in e2e_specs.texts(report(*(one(s, "passed") for s in SPECS)))
    ] == SPECS


@pytest.mark.parametrize(
    ("backend", "run", "left_out"),
    [
        ("embedded", (SIMPLE,), {JOB: "no container ends", RESTART: "no SSH"}),
        ("kind", (SIMPLE, JOB), {RESTART: "no SSH"}),
    ],
)
def test_what_is_left_out_depends_on_the_backend(
    backend: str, run: tuple[str, ...], left_out: dict[str, str]
) -> None:
    assert e2e_specs.select(SPECS, SCOPE, [ENDS, SSH], backend=backend) == Selection(run, left_out)


def test_the_first_reason_counts_and_an_expression_chooses_in_any_case() -> None:
    groups = [ENDS, Group("too", ("Job",), ("embedded",))]
    found = e2e_specs.select(SPECS, SCOPE, groups, backend="embedded", only="daemon SET|nobody")

    assert found == Selection((SIMPLE,), {})
    found = e2e_specs.select(SPECS, SCOPE, groups, backend="embedded")
    assert found.left_out == {JOB: "no container ends"}


def test_a_line_that_leaves_out_nothing_is_an_error() -> None:
    with pytest.raises(BadInput) as caught:
        e2e_specs.select(SPECS, SCOPE, [Group("gone", ("Services",), ("kind",))], backend="kind")

    assert caught.value.seen == "Services"


def test_an_expression_that_no_spec_matches_is_an_error() -> None:
    with pytest.raises(BadInput, match="'cron'"):
        e2e_specs.select(SPECS, SCOPE, [], backend="kind", only="cron")


def test_the_focus_matches_the_chosen_specs_only() -> None:
    focus = re.compile(e2e_specs.focus([JOB, SIMPLE]))

    assert [s for s in SPECS if focus.search(f"Kubernetes e2e suite {s}")] == [SIMPLE, JOB]
    assert not focus.search(f"Kubernetes e2e suite {SIMPLE} twice")


def test_the_table_has_each_spec_with_its_result_and_the_status_follows() -> None:
    chosen = Selection((SIMPLE, JOB), {RESTART: "no SSH"})
    good = report(one(SIMPLE, "passed", 12.4), one(JOB, "passed", 3), one(SERVICES, "failed"))
    bad = report(one(SIMPLE, "passed"), one(JOB, "timedout", 60, "a | b\nmore"))

    found = e2e_specs.results(chosen, good)
    assert e2e_specs.table(found).splitlines()[2:] == [
        f"| {SIMPLE} | passed | 12 |",
        f"| {JOB} | passed | 3 |",
        f"| {RESTART} | left out: no SSH |  |",
        "",
        "3 specs: 2 passed, 1 left out.",
    ]
    assert e2e_specs.exit_status(found) == 0
    found = e2e_specs.results(chosen, bad)
    assert f"| {JOB} | failed: a \\| b | 60 |" in e2e_specs.table(found)
    assert e2e_specs.exit_status(found) == 1


@pytest.mark.parametrize("state", ["skipped", "pending", "absent"])
def test_a_spec_that_did_not_run_is_no_pass(state: str) -> None:
    specs = [] if state == "absent" else [one(SIMPLE, state, message="needs two zones")]
    found = e2e_specs.results(Selection((SIMPLE,), {}), report(*specs))

    assert found[0].verdict == ("skipped" if state == "skipped" else "not run")
    assert e2e_specs.exit_status(found) == 1


def test_the_suite_s_own_summary_begins_with_its_failures() -> None:
    counts = ["Ran 2 of 7 Specs in 3 seconds", "FAIL! -- 1 Passed | 1 Failed", "--- FAIL: TestE2E"]

    assert e2e_specs.own_summary(["x", *counts, ""]) == counts
    failures = ["Summarizing 1 Failure:", "  [FAIL] it"]
    assert e2e_specs.own_summary(["x", *failures, "", *counts]) == [*failures, *counts]
    assert e2e_specs.own_summary(["it died"]) == []


def test_a_page_gets_the_section_of_one_backend_anew() -> None:
    embedded = "<!-- embedded -->\nb\n<!-- end of embedded -->\n"
    page = f"# E\n<!-- kind -->\nold\n<!-- end of kind -->\n{embedded}"

    assert e2e_specs.with_section(page, "kind", r"new \1") == page.replace("old", r"new \1")


def test_each_group_of_the_course_s_list_has_a_reason_and_known_backends() -> None:
    scope, groups = e2e_specs.read(e2e_specs.FILE.read_text(encoding="utf-8"))

    assert "[sig-apps]" in scope
    assert all(len(group.reason) > 20 and group.words for group in groups)
    assert {b for group in groups for b in group.backends} <= {"embedded", "kind"}
    words = [w for group in groups for w in group.words]
    assert not [w for w in words if "Daemon set" in w or "ControllerRevision" in w]
