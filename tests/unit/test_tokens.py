"""Whoever holds a token: with which kubeconfig the API server is asked."""

from __future__ import annotations

import stat
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from fake_server import FakeServer

from daemonset_course.cluster.api import Api
from daemonset_course.verbs import tokens


def test_the_token_takes_the_place_of_the_administrator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FakeServer() as server:
        own = Api(server.kubeconfig(tmp_path))
    (tmp_path / "other").mkdir()
    monkeypatch.setattr(tokens, "current", lambda: SimpleNamespace(api=own))
    path = tokens._kubeconfig(tmp_path / "other", "secret")

    made = yaml.safe_load(path.read_text())
    before = yaml.safe_load(own.kubeconfig.read_text())
    assert [user["user"] for user in made["users"]] == [{"token": "secret"}]
    assert made["clusters"] == before["clusters"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert before["users"][0]["user"] == {}, "the course's own kubeconfig stays as it was"
