"""The settings that JupyterLab has before the learner chooses: as JupyterLab itself reads them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jupyter_core.paths import jupyter_path
from jupyterlab.commands import get_app_dir
from jupyterlab_server.settings_utils import _get_overrides, get_settings

from daemonset_course.jupyter import DEFAULTS, start, write_defaults

SCHEMAS = str(Path(get_app_dir()) / "schemas")


def settings(plugin: str, tmp_path: Path, overrides: dict[str, Any]) -> dict[str, Any]:
    found, _ = get_settings(
        "", SCHEMAS, str(tmp_path), schema_name=plugin, overrides=overrides,
        labextensions_path=jupyter_path("labextensions"),
    )  # fmt: skip
    properties: dict[str, Any] = found["schema"]["properties"]
    return properties


@pytest.mark.parametrize("plugin", DEFAULTS)
def test_jupyterlab_takes_each_default_and_knows_its_setting(
    plugin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = settings(plugin, tmp_path, {})
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path))
    write_defaults(tmp_path)
    overrides, error = _get_overrides(str(tmp_path / "none"))
    found = settings(plugin, tmp_path, overrides)

    assert not error
    for name, value in DEFAULTS[plugin].items():
        assert type(known[name]["default"]) is type(value)
        assert found[name]["default"] == value
        assert value in [one["const"] for one in known[name].get("oneOf", [{"const": value}])]


def test_names_of_files_have_the_width_of_the_column_that_is_off(tmp_path: Path) -> None:
    plugin = "@jupyterlab/filebrowser-extension:browser"

    columns = {name for name in settings(plugin, tmp_path, {}) if name.endswith("Column")}
    shown = {n for n in columns if settings(plugin, tmp_path, DEFAULTS)[n]["default"]}
    assert "showLastModifiedColumn" in columns
    assert shown == set()


def test_course_open_writes_them_where_its_server_reads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    began: list[dict[str, str]] = []
    monkeypatch.setattr(subprocess, "Popen", lambda *_, env, **__: began.append(env))
    cluster: Any = SimpleNamespace(folders=[], environment=dict)
    start(cluster, [])

    folder = Path(began[0]["JUPYTER_CONFIG_DIR"])
    assert folder.is_relative_to(tmp_path)
    written = folder / "labconfig" / "default_setting_overrides.json"
    assert json.loads(written.read_text()) == DEFAULTS
