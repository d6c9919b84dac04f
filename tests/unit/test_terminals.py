"""Each shell that a terminal of JupyterLab may start, in a pseudo-terminal, with hostile files."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
from ptyprocess import PtyProcess

from daemonset_course import terminals

SETS = "PATH=/usr/bin:/bin; export PATH; KUBECONFIG=/work/config; export KUBECONFIG\n"
SPOILS = f"{SETS}alias kubectl='false'\ncourse() {{ false; }}\n"
FISH = (
    "set -gx PATH /usr/bin /bin; set -gx KUBECONFIG /work/config; "
    "alias kubectl false; function course; false; end\n"
)
TELLS = "kubectl; course; echo '<<'$KUBECONFIG'|'$KUBERC'|'$MINE'>>'\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose files, of every shell, set other programs and another cluster."""
    home = tmp_path / "home"
    (home / ".config" / "fish").mkdir(parents=True)
    for name in (".bashrc", ".bash_profile", ".profile", ".zshrc", ".zprofile", ".shrc"):
        (home / name).write_text(f"{SPOILS}MINE=read-{name[1:]}\n")
    (home / ".zshenv").write_text(SETS)
    (home / ".config" / "fish" / "config.fish").write_text(f"{FISH}set MINE read-fish\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("ENV", str(home / ".shrc"))
    for name in ("XDG_CONFIG_HOME", "ZDOTDIR", "KUBERC"):
        monkeypatch.delenv(name, raising=False)
    return home


def program(folder: Path, name: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\necho '<<{name}>>'\n")
    (folder / name).chmod(0o755)


def expansions(folder: Path) -> list[str]:
    """What the terminal's shell says of both programs and three variables."""
    program(folder / "it's own", "kubectl")
    program(folder / "scripts", "course")
    variables = {"KUBECONFIG": "/ours/it's \\ a config", "KUBERC": "off", "PATH": "/usr/bin:/bin"}
    restored = terminals.environment([str(folder / "it's own"), str(folder / "scripts")], variables)
    shell = PtyProcess.spawn(
        terminals.command(), cwd=folder, env={**os.environ, **restored, "TERM": "dumb"},
        dimensions=(24, 400),
    )  # fmt: skip
    shell.write(TELLS.encode())
    shell.write(b"exit\n")
    output = b""
    try:
        while True:
            output += shell.read()
    except EOFError:
        shell.close()
    return re.findall(r"<<([^'$<>]+|[^<>]*a config[^<>]*)>>", output.decode())


@pytest.mark.parametrize(
    ("shell", "file"),
    [("bash", "bashrc"), ("zsh", "zshrc"), ("fish", "fish"), ("sh", "shrc"), ("dash", "shrc")],
)
@pytest.mark.usefixtures("home")
def test_a_shell_finds_the_course_whatever_its_files_set(
    shell: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"there is no {shell} here")
    monkeypatch.setenv("SHELL", path)

    assert expansions(tmp_path) == [
        "kubectl",
        "course",
        f"/ours/it's \\ a config|off|read-{file}",
    ]


@pytest.mark.parametrize("shell", ["", "/bin/false", "/usr/sbin/nologin", "/gone/zsh", "tcsh"])
@pytest.mark.usefixtures("home")
def test_another_shell_is_replaced_by_one_that_finds_the_course(
    shell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHELL", shell)

    assert expansions(tmp_path)[:2] == ["kubectl", "course"]


def test_zsh_keeps_the_learner_s_own_folder(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("zsh") is None:
        pytest.skip("there is no zsh here")
    monkeypatch.setenv("SHELL", "zsh")
    monkeypatch.setenv("ZDOTDIR", str(tmp_path / "dots"))
    (tmp_path / "dots").mkdir()
    (home / ".zshrc").rename(tmp_path / "dots" / ".zshrc")

    assert expansions(tmp_path)[-1].endswith("|read-zshrc")


def test_no_terminal_is_a_login_shell() -> None:
    assert not {"-l", "--login"} & set(terminals.command())
