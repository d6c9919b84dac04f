from __future__ import annotations

import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
# put together here, so that this file is not a hit of its own search
HOSTS = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("proxy", "golang", "org"),
        ("sum", "golang", "org"),
        ("registry", "npmjs", "org"),
        ("registry", "yarnpkg", "com"),
        ("conda", "anaconda", "org"),
        ("deb", "debian", "org"),
        ("archive", "ubuntu", "com"),
    )
]


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def lock_entries(lock: str = "requirements.lock") -> list[str]:
    """One string a package: its pin, marker and hashes."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / lock).read_text(), flags=re.M)
    return text.replace("\\\n", "").splitlines()


def locked() -> Iterator[Requirement]:
    for entry in lock_entries():
        yield Requirement(entry.partition("--hash")[0].strip())


def wanted() -> list[str]:
    return [*project()["project"]["dependencies"], *project()["dependency-groups"]["dev"]]


def first_version(requirement: Requirement) -> Version:
    return Version(next(iter(requirement.specifier)).version)


@pytest.mark.parametrize("line", wanted(), ids=lambda line: Requirement(line).name)
def test_the_lock_satisfies_pyproject(line: str) -> None:
    requirement = Requirement(line)
    name = canonicalize_name(requirement.name)
    pins = [first_version(pin) for pin in locked() if canonicalize_name(pin.name) == name]

    assert pins, f"{name} is not locked. Next: make lock"
    assert all(pin in requirement.specifier for pin in pins), f"{pins}. Next: make lock"


def test_every_pin_is_exact_and_has_a_hash() -> None:
    loose = [
        entry
        for entry in [*lock_entries(), *lock_entries("tests/axe.lock")]
        if not re.match(r"[\w.-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", entry)
    ]

    assert len(lock_entries()) > 50
    assert loose == []


def test_the_lock_is_made_by_the_command_of_the_makefile() -> None:
    command = re.search(r"uv pip compile (.*)", (ROOT / "requirements.lock").read_text())
    recipe = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    made = re.search(r"uv\" pip compile --quiet (.*?) \$\(LOCKARGS\)", recipe)

    assert command
    assert made
    assert made[1].split() == command[1].split()


def test_conda_takes_its_packages_from_the_lock() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    (pip,) = (part["pip"] for part in environment["dependencies"] if isinstance(part, dict))
    plain = {part for part in environment["dependencies"] if isinstance(part, str)}

    assert pip == ["--require-hashes", "-r requirements.lock"]
    assert {re.split("[=<>]", part)[0] for part in plain} == {"python", "make", "pip"}


def test_conda_brings_a_python_that_the_project_accepts() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    (version,) = (
        part.partition("=")[2]
        for part in environment["dependencies"]
        if str(part).startswith("python=")
    )

    assert Version(version) in SpecifierSet(project()["project"]["requires-python"])


def test_make_knows_the_conda_environment_by_name() -> None:
    name = yaml.safe_load((ROOT / "environment.yml").read_text())["name"]

    assert f"ifeq ($(CONDA_DEFAULT_ENV),{name})" in (ROOT / "Makefile").read_text()


def test_recipes_run_without_a_learner_s_settings_for_python_and_pip(tmp_path: Path) -> None:
    (tmp_path / "shows.mk").write_text("shows:\n\t@env\n")
    steering = (
        "PYTHONHOME PYTHONPATH PYTHONSTARTUP PIP_TARGET PIP_PREFIX PIP_REQUIRE_HASHES PIP_DRY_RUN"
    )
    reaching = ("PIP_INDEX_URL", "PIP_PROXY", "PIP_CERT", "HTTPS_PROXY")
    theirs = dict.fromkeys([*steering.split(), *reaching, "PIP_USER"], "1")
    shown = subprocess.run(
        ["make", "-s", "-f", "Makefile", "-f", str(tmp_path / "shows.mk"), "shows"],
        cwd=ROOT,
        env=os.environ | theirs,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()

    assert {line.partition("=")[0] for line in shown}.isdisjoint(steering.split())
    assert {f"{name}=1" for name in reaching} <= set(shown)
    assert {"PIP_USER=0", "PYTHONNOUSERSITE=1"} <= set(shown)


def test_no_file_names_the_host_of_a_registry() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout: there is no list of the course's own files")
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    texts = {path: path.read_bytes() for path in paths if path.is_file()}
    hits = [
        f"{path.relative_to(ROOT)}: {host}"
        for path, text in texts.items()
        for host in HOSTS
        if host.encode() in text
    ]

    assert ROOT / "requirements.lock" in texts
    assert hits == []
