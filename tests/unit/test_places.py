from __future__ import annotations

from pathlib import Path

import pytest

from daemonset_course import places
from daemonset_course.errors import BadInput


def test_the_environment_moves_state_and_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))

    assert places.cluster_dir("a") == tmp_path / "state" / "clusters" / "a"
    assert places.cache_home() == tmp_path / "cache"


def test_the_default_state_folder_is_the_same_on_every_system_and_has_no_space(monkeypatch):
    monkeypatch.delenv("COURSE_HOME", raising=False)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/home/learner")

    assert places.state_home() == Path("/home/learner/.local/state/daemonset-course")


def test_a_space_in_the_state_folder_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "my state"))

    with pytest.raises(BadInput, match="space"):
        places.state_home()


@pytest.mark.parametrize("name", ["", None])
def test_a_cluster_without_a_name_is_the_one_in_use(monkeypatch, name):
    monkeypatch.setenv("COURSE_CLUSTER", "mine")

    assert places.cluster_name(name) == "mine"


@pytest.mark.parametrize("name", ["A", "-a", "a_b", "a" * 31, "../a"])
def test_a_name_that_no_node_could_have_is_refused(name):
    with pytest.raises(BadInput, match="cannot be the name"):
        places.cluster_name(name)
