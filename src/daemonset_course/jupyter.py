"""Run JupyterLab for a cluster: the start by `course open`, and the server process itself.

The server listens on 127.0.0.1 with a token. It reads only the arguments of the command, and no
configuration of the learner or the machine. JupyterLab's own settings stay in the course's folder.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemonset_course import terminals
from daemonset_course.cluster.lifecycle import Cluster
from daemonset_course.environment import for_python, proxies
from daemonset_course.files import unwritable, write_whole
from daemonset_course.own_copy import work_folder
from daemonset_course.programs import python_module, stay_with

if TYPE_CHECKING:
    import subprocess

START = "START.ipynb"
STYLE = Path(__file__).parent / "data" / "jupyterlab"  # has custom.css

# What the settings of JupyterLab are until the learner chooses otherwise, by plugin.
DEFAULTS: dict[str, dict[str, Any]] = {
    # The column cuts the names of lessons.
    "@jupyterlab/filebrowser-extension:browser": {"showLastModifiedColumn": False},
    # Buttons answer while a cell runs, with ipykernel 7 and later.
    "@jupyterlab/apputils-extension:kernels-settings": {"commsOverSubshells": "perCommTarget"},
    # Without a kernel a notebook shows the committed predictions, not "model not found".
    "@jupyter-widgets/jupyterlab-manager:plugin": {"saveState": True},
    # No question about news over the start notebook: JupyterLab asks it without a news_url, too.
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
}


def start(cluster: Cluster, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start JupyterLab at the start notebook of the learner's copy; pass the arguments on.

    Raises:
        FileFailed: the settings of JupyterLab or its kernels cannot be written.
        CommandFailed: JupyterLab's process did not start.
    """
    own = cluster.environment()
    shells = terminals.environment(cluster.folders, own)
    environment = for_python(own | shells)
    load_in_kernels(Path(environment["IPYTHONDIR"]))
    write_defaults(Path(environment["JUPYTER_CONFIG_DIR"]))
    command = python_module("daemonset_course.jupyter", *arguments)
    return stay_with(command, env=environment, cwd=work_folder())


def load_in_kernels(folder: Path) -> None:
    """Let kernels load ``daemonset_course``: after a restart, too, ``%kubectl`` is there.

    Raises:
        FileFailed: the file cannot be written into IPython's folder.
    """
    # The folder of the notebook comes last: a learner's yaml.py is no module of the course.
    own = {"ignore_cwd": True, "exec_lines": ["import sys; sys.path.append('')"]}
    settings = {"InteractiveShellApp": {"extensions": ["daemonset_course"], **own}}
    _write(folder / "profile_default" / "ipython_kernel_config.json", settings)


def write_defaults(folder: Path) -> None:
    """Write ``DEFAULTS`` into a configuration folder of Jupyter.

    Raises:
        FileFailed: the file cannot be written.
    """
    _write(folder / "labconfig" / "default_setting_overrides.json", DEFAULTS)


def _write(path: Path, settings: dict[str, Any]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(path.parent, error) from error
    write_whole(path, json.dumps(settings))


def settings() -> dict[str, dict[str, Any]]:
    """Return the default settings, which an argument of the command may override."""
    from jupyter_core.paths import ENV_CONFIG_PATH  # noqa: PLC0415 - 40 ms
    from jupyter_server.extension.config import (  # noqa: PLC0415 - 1.9 s
        ExtensionConfigManager,
    )

    # The extensions installed with the course, without the one that loads a learner's old ones.
    installed = ExtensionConfigManager(read_config_path=ENV_CONFIG_PATH).get_jpserver_extensions()
    return {
        "ServerApp": {
            "ip": "127.0.0.1",
            "root_dir": str(work_folder()),
            "answer_yes": True,  # Ctrl-C once
            "allow_root": os.geteuid() == 0,  # in a container, say
            "terminado_settings": {"shell_command": terminals.command()},
            "jpserver_extensions": installed | {"notebook_shim": False},
        },
        "LabApp": {
            "default_url": f"/lab/tree/{START}",
            "custom_css": True,  # data/jupyterlab/custom.css
            "news_url": None,
            "check_for_updates_class": "jupyterlab.NeverCheckForUpdate",  # the lock pins it
        },
    }


def main() -> None:
    """Serve JupyterLab until Ctrl-C."""
    from jupyter_server.serverapp import ServerApp  # noqa: PLC0415 - 1.9 s
    from traitlets import default  # noqa: PLC0415 - 70 ms, with the next one
    from traitlets.config import Config  # noqa: PLC0415

    unusable = {name: proxy for name, proxy in proxies(os.environ).items() if not _usable(proxy)}
    for name in unusable:  # with such a proxy JupyterLab's extension manager cannot be imported
        del os.environ[name]
    from jupyterlab.labapp import LabApp  # noqa: PLC0415 - 2.4 s; reads the environment

    os.environ.update(unusable)  # kernels and terminals have it

    class Server(ServerApp):
        """A server that reads no configuration folder."""

        @default("static_custom_path")
        def _default_static_custom_path(self) -> list[str]:
            return [str(STYLE)]

        @property
        def config_file_paths(self) -> list[str]:
            return []

        def load_config_file(self, *args: Any, **options: Any) -> None:
            """Load the course's settings, then the file named by an argument."""
            self.update_config(Config(settings()))
            super().load_config_file(*args, **options)

    LabApp.serverapp_class = Server
    LabApp.launch_instance()


def _usable(proxy: str) -> bool:
    """Whether httpx accepts the address as a proxy: it has a scheme other than SOCKS."""
    import httpx  # noqa: PLC0415 - 40 ms

    try:
        httpx.Proxy(proxy)
    except (httpx.InvalidURL, ValueError):
        return False
    return not proxy.startswith("socks")


if __name__ == "__main__":
    main()
