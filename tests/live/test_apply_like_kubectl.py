"""The same manifests through ``kubectl apply --server-side`` and through ``apply``."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

import daemonset_course as course
from daemonset_course.cluster.api import APPLY
from daemonset_course.cluster.lifecycle import Cluster
from daemonset_course.errors import BadInput, CourseError, Rejected
from manifest_corpus import CASES, Case, config, daemonset

Object = dict[str, Any]
_SET_BY_SERVER = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation")


def stored(items: list[Any]) -> list[Object]:
    """Objects without what differs from request to request."""
    for item in items:
        for field in _SET_BY_SERVER:
            item["metadata"].pop(field, None)
    return items


def printed(text: str) -> Iterator[Object]:
    decoder, at = json.JSONDecoder(), 0
    text = text.strip()
    while at < len(text):
        item, at = decoder.raw_decode(text, at)
        at += len(text[at:]) - len(text[at:].lstrip())
        yield from item["items"] if item["kind"] == "List" else [item]


def by_kubectl(cluster: Cluster, source: str | Path) -> list[Object] | None:
    """What kubectl stores; None if it refuses."""
    done = subprocess.run(
        [cluster.backend.programs / "kubectl", "apply", "--server-side", "--dry-run=server", "-o",
         "json", "-f", source],
        env=cluster.environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    return stored([*printed(done.stdout)]) if done.returncode == 0 else None


def by_course(source: str | Path) -> list[Object] | None:
    try:
        return stored(list(course.apply(source, dry_run=True).objects))
    except CourseError:
        return None


@pytest.fixture(scope="module")
def expected(live_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """By case, the file and what kubectl made of it."""
    folder = tmp_path_factory.mktemp("corpus")
    paths = {case.name: folder / f"{number}.yaml" for number, case in enumerate(CASES)}
    for case in CASES:
        paths[case.name].write_bytes(case.content)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = [*pool.map(lambda path: by_kubectl(live_cluster, path), paths.values())]
    return {name: (path, one) for (name, path), one in zip(paths.items(), found, strict=True)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_manifest_is_stored_as_kubectl_stores_it(case: Case, expected: Mapping[str, Any]) -> None:
    path, by_kubectl = expected[case.name]

    assert by_course(path) == by_kubectl


def make(folder: Path, files: Mapping[str, str]) -> Path:
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def test_files_are_found_as_kubectl_finds_them(live_cluster: Cluster, tmp_path: Path) -> None:
    good, bad = config(), "data: [\n"
    folder = make(tmp_path / "folder", {"b.yaml": good, "a.json": "", "c.txt": bad, "d.YAML": bad})
    (folder / "deeper").mkdir()
    (folder / "deeper" / "e.yaml").write_text(bad)
    plain = tmp_path / "without-extension"
    plain.write_text(good)
    (tmp_path / "link.yaml").symlink_to(plain)
    (tmp_path / "dangling.yaml").symlink_to(tmp_path / "nowhere")
    (tmp_path / "a b: ü.yaml").write_text(good)
    sources = [
        folder, plain, tmp_path / "link.yaml", tmp_path / "dangling.yaml",
        tmp_path / "missing.yaml", tmp_path / "a b: ü.yaml", f"{folder}/*.yaml", f"{folder}/*.none",
        make(tmp_path / "broken", {"a.yaml": good, "b.yaml": bad}),
        make(tmp_path / "empty", {}),
        make(tmp_path / "kustomized", {"kustomization.yaml": "resources: [a.yaml]\n"}),
        f"file://{plain}", r"C:\lab\x.yaml", "/dev/null",
    ]  # fmt: skip

    for source in sources:
        assert by_course(source) == by_kubectl(live_cluster, source), source


def test_what_a_shell_or_a_pipe_gives(
    live_cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del live_cluster
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "x.yaml").write_text(config())
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_text, args=[config()])
    writer.start()

    assert by_course("~/x.yaml") == by_course(tmp_path / "pipe") == by_course(tmp_path / "x.yaml")
    writer.join()
    for source, says in {
        "https://example.org/x.yaml": "%kubectl apply --server-side -f https",
        "file:///x.yaml": "without file://",
        "-": "%%kubectl apply -f -",
        r"C:\x.yaml": "/mnt/c",
        "x.yaml": "whole path",
    }.items():
        with pytest.raises(BadInput) as refused:
            course.apply(source)
        assert says in refused.value.next_step


def test_half_a_file_is_applied_and_the_error_says_which(live_cluster: Cluster) -> None:
    """As kubectl, ``apply`` goes on after a refused object."""
    text = "---\n".join(
        [config(name="half"), daemonset().replace("name: read", "name: read, namespace: nowhere"),
         config(name="half-2")]
    )  # fmt: skip
    try:
        with pytest.raises(Rejected) as refused:
            course.apply(text)
        error = refused.value
        assert error.failed == ("The API server refused daemonset.apps/read in namespace nowhere.")
        assert error.seen.endswith("; applied: configmap/half, configmap/half-2")
        for name in ("half", "half-2"):
            assert live_cluster.api.get(f"/api/v1/namespaces/default/configmaps/{name}")
    finally:
        for name in ("half", "half-2"):
            live_cluster.api.delete(f"/api/v1/namespaces/default/configmaps/{name}")


def test_a_definition_and_its_object_in_one_file(live_cluster: Cluster) -> None:
    """Kinder than kubectl, which needs a second run: a notebook's cell is run once."""
    (text,) = (one.content for one in CASES if one.name == "object: a definition and its object")
    try:
        assert len(course.apply(text.decode()).objects) == 2
    finally:
        path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/reads.example.com"
        live_cluster.api.delete(path)


def test_a_link_to_a_folder_is_followed(live_cluster: Cluster, tmp_path: Path) -> None:
    folder = make(tmp_path / "folder", {"a.yaml": config()})
    (tmp_path / "link").symlink_to(folder)

    assert by_course(tmp_path / "link") == by_course(folder)
    assert by_kubectl(live_cluster, tmp_path / "link") is None


def test_fields_of_another_manager_are_taken_over(live_cluster: Cluster) -> None:
    path = "/api/v1/namespaces/default/configmaps/taken"
    by_another = yaml.safe_load(config("data: {a: theirs}", name="taken"))
    try:
        live_cluster.api.request("PATCH", path, by_another, query={"fieldManager": "another"},
                                 content_type=APPLY)  # fmt: skip
        course.apply(config("data: {a: mine}", name="taken"))

        assert live_cluster.api.get(path)["data"] == {"a": "mine"}
    finally:
        live_cluster.api.delete(path)


def test_a_text_nested_too_deeply_is_refused() -> None:
    with pytest.raises(BadInput, match="nested"):
        course.apply(config(f"data: {'[' * 200}{']' * 200}"))


def test_the_page_of_the_differences_names_tests_of_this_file() -> None:
    page = (Path(__file__).parents[2] / "docs" / "apply.md").read_text()

    named = set(re.findall(r"`(test_[a-z_]+)` \|$", page, re.MULTILINE))
    assert named <= set(globals())
    assert len(named) == 5
