"""What `course doctor --json` prints: stable keys, and nothing private."""

from __future__ import annotations

import json
import platform
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daemonset_course import doctor_report
from daemonset_course.doctor import Finding
from daemonset_course.doctor_report import redact, report
from daemonset_course.errors import BadInput

ROOT = Path(__file__).parents[2]
JWT = "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJzdWIiOiJhZ2VudCJ9.c2lnbmF0dXJl-x_y"
JUPYTER = "0f3a9b" * 8


@pytest.fixture(autouse=True)
def alice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user with a home folder, on a machine with a name."""
    monkeypatch.setenv("HOME", "/data/homes/alice")
    monkeypatch.setattr(doctor_report.getpass, "getuser", lambda: "asmith")
    monkeypatch.setattr(doctor_report.socket, "gethostname", lambda: "laptop-17")


@pytest.fixture
def findings(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let the doctor find this, and these backends."""

    def found(*findings: Finding, candidates: Any = lambda: ["kind", "embedded"]) -> None:
        monkeypatch.setattr(doctor_report, "examine", lambda _name: list(findings))
        monkeypatch.setattr(doctor_report, "candidates", candidates)

    return found


def test_the_keys_are_stable(findings: Callable[..., None]) -> None:
    findings(Finding("memory", "ok", "8.0 GB free"), Finding("cluster mine", "bad", "x", "y"))

    assert report("mine") == {
        "format": 1,
        "course": tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"],
        "python": platform.python_version(),
        "platform": redact(platform.platform()),
        "backends": ["kind", "embedded"],
        "checks": [
            {"check": "memory", "level": "ok", "seen": "8.0 GB free", "cure": ""},
            {"check": "cluster", "level": "bad", "seen": "x", "cure": "y"},
        ],
    }


def test_an_unknown_backend_leaves_the_list_empty_and_the_checks_there(
    findings: Callable[..., None],
) -> None:
    def unknown() -> list[str]:
        raise BadInput("Unknown backend 'vm'.")

    findings(Finding("programs", "bad", "Unknown backend 'vm'."), candidates=unknown)

    assert report("mine")["backends"] == []
    assert report("mine")["checks"][0]["seen"] == "Unknown backend 'vm'."


@pytest.mark.parametrize(
    ("text", "published"),
    [
        ("/data/homes/alice/.cache/x", "~/.cache/x"),
        ("0.1 GB free for /data/homes/alice, 2 GB", "0.1 GB free for ~, 2 GB"),
        ("/data/homes/alice2/x", "/data/homes/alice2/x"),
        ("/scratch/asmith/course", "/scratch/<user>/course"),
        ("/mnt/c/Users/Ann/kubectl", "/mnt/c/Users/<user>/kubectl"),
        ("/home/bob/bin/kubectl", "/home/<user>/bin/kubectl"),
        ("permission denied for ASMITH (alice)", "permission denied for <user> (<user>)"),
        ("Could not resolve laptop-17.", "Could not resolve <host>."),
        ("http://127.0.0.1:6443/version", "http://127.0.0.1:6443/version"),
        ("http://bob:pw@127.0.0.1:3128", "http://127.0.0.1:3128"),
        ("at https://bob:pw@proxy.corp:3128/x", "at https://<address>/x"),
        ("at tcp://10.1.2.3:2375. Is it up?", "at tcp://<address> Is it up?"),
        ("at unix:///var/run/docker.sock", "at unix:///var/run/docker.sock"),
        ("dial tcp 10.1.2.3:443: refused", "dial tcp <address>:443: refused"),
        ("dial tcp [fe80::1%eth0]:443", "dial tcp [<address>]:443"),
        ("dial tcp [::1]:443, from 2001:db8::7.", "dial tcp [::1]:443, from <address>."),
        ("127.0.0.1 has free ports, such as 40001", "127.0.0.1 has free ports, such as 40001"),
        ("lookup db.corp on 10.0.0.1:53", "lookup <address> on <address>:53"),
        ("proxyconnect proxy.corp:3128", "proxyconnect <address>"),
        ("localhost:8080 refused", "localhost:8080 refused"),
        ("ssh bob@build.corp", "ssh <address>"),
        (f"a token {JWT}", "a token <token>"),
        (f"?token={JUPYTER}", "?token=<token>"),
        ("token: short", "token: <token>"),
        ("Authorization: Bearer abc", "Authorization: Bearer <token>"),
        ("join abcdef.0123456789abcdef", "join <token>"),
        ("v1.36.3, cgroup v2, Python 3.13.1", "v1.36.3, cgroup v2, Python 3.13.1"),
        ("at 12:30:45 kind is down", "at 12:30:45 kind is down"),
    ],
)  # fmt: skip
def test_what_is_private_is_replaced_and_the_rest_is_kept(text: str, published: str) -> None:
    assert redact(text) == published
    assert redact(published) == published


def test_nothing_private_is_in_the_report(findings: Callable[..., None]) -> None:
    private = f"/data/homes/alice asmith@laptop-17 10.9.8.7 {JWT} {JUPYTER} https://corp.example/"
    findings(Finding("disk", "bad", private, private), Finding("cluster asmith", "ok", private))
    printed = json.dumps(report("asmith"))

    words = ("alice", "asmith", "laptop-17", "10.9.8.7", JWT, JUPYTER, "corp")
    assert [word for word in words if word in printed] == []


def test_a_user_without_a_name_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 1234")

    monkeypatch.setattr(doctor_report.getpass, "getuser", nameless)
    monkeypatch.setenv("HOME", "/")

    assert redact("/opt/bin/kubectl") == "/opt/bin/kubectl"


@pytest.mark.parametrize("name", ["root", "kind", "course"])
def test_a_user_named_like_a_word_of_the_report_does_not_garble_it(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(doctor_report.getpass, "getuser", lambda: name)

    assert redact(f"course up --backend kind, /{name}") == f"course up --backend kind, /{name}"
