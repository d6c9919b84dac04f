"""The output of ``course doctor --json``: findings and versions, without personal data.

The keys are stable; ``FORMAT`` increases when one changes. The texts contain no name of the user or
the machine, no home folder, no token, and no address except loopback: see ``redact``.
"""

from __future__ import annotations

import getpass
import ipaddress
import platform
import re
import socket
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from daemonset_course.doctor import candidates, examine
from daemonset_course.environment import is_loopback
from daemonset_course.errors import CourseError
from daemonset_course.places import cluster_name

FORMAT = 1
# User names that are also words of the report, and do not identify a person.
_WORDS = {"", "root", "course", "docker", "podman", "kind"}

_SECRETS = [
    re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"),  # a JSON web token, as ServiceAccounts have
    re.compile(r"\b[a-z0-9]{6}\.[a-z0-9]{16}\b"),  # a bootstrap token
    re.compile(r"(?<![A-Za-z0-9])[A-Za-z0-9+]{32,}=*"),  # JupyterLab's, keys, checksums
]
_NAMED_SECRET = re.compile(
    r"\b(bearer |basic |(?:token|password|passwd|secret|key)\s?[=:]\s?)(?!<)\S+", re.IGNORECASE
)
_URL = re.compile(r"\b([a-z][a-z0-9+.-]*://)([^/\s\"'<>,;)]+)", re.IGNORECASE)
_AT_HOST = re.compile(r"[\w.+-]+@[\w.-]+")
_HOME = re.compile(r"/(home|Users)/(?!<)[^/\s\"']+")  # another user's, or the one of Windows
_IPV4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]*\w)")
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*(?:%\w+)?")
_LOOKUP = re.compile(r"\blookup [\w.-]+")  # Go's words for a name that was not found
_HOST_PORT = re.compile(r"\b[A-Za-z][\w.-]*:\d{2,5}\b")


def report(name: str | None = None) -> dict[str, Any]:
    """Return what an issue about a cluster needs to know about this machine, as JSON values."""
    name = cluster_name(name)
    backends: list[str] = []
    with suppress(CourseError, OSError):  # the check of programs reports the error
        backends = candidates()
    checks = [
        {
            "check": finding.subject.removesuffix(f" {name}"),
            "level": finding.level,
            "seen": redact(finding.seen),
            "cure": redact(finding.cure),
        }
        for finding in examine(name)
    ]
    return {
        "format": FORMAT,
        "course": version("daemonset-course"),
        "python": platform.python_version(),
        "platform": redact(platform.platform()),
        "backends": backends,
        "checks": checks,
    }


def redact(text: str) -> str:
    """Return a text without names of the user and the machine, home folders, tokens, addresses.

    ``~`` stands for the home folder. Loopback addresses stay.
    """
    for secret in _SECRETS:
        text = secret.sub("<token>", text)
    text = _NAMED_SECRET.sub(r"\1<token>", text)
    text = _URL.sub(_without_host, text)
    text = _AT_HOST.sub("<address>", text)
    for home in sorted({str(Path.home()), str(Path.home().resolve())} - {"/"}, key=len)[::-1]:
        text = re.sub(rf"{re.escape(home)}(?![\w.-])", "~", text)
    text = _HOME.sub(r"/\1/<user>", text)
    text = _without_names(text, _users(), "<user>")
    text = _without_names(text, {socket.gethostname()} - {"localhost"}, "<host>")
    text = _LOOKUP.sub("lookup <address>", text)
    text = _IPV4.sub(_without_address, text)
    text = _IPV6.sub(_without_address, text)
    return _HOST_PORT.sub(lambda m: m[0] if is_loopback(m[0]) else "<address>", text)


def _users() -> set[str]:
    """Return the user's names: the login name and the name of the home folder."""
    names = {Path.home().name}
    with suppress(KeyError, OSError, ImportError):  # a container's user may have no name
        names.add(getpass.getuser())
    return names - _WORDS


def _without_names(text: str, names: Iterable[str], instead: str) -> str:
    for name in names:
        word = rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])"
        text = re.sub(word, instead, text, flags=re.IGNORECASE) if name else text
    return text


def _without_host(found: re.Match[str]) -> str:
    scheme, host = found[1], found[2].rpartition("@")[2]  # also without a user and a password
    return scheme + (host if is_loopback(host) else "<address>")


def _without_address(found: re.Match[str]) -> str:
    address = found[0].rstrip(":.")
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return found[0]
    kept = parsed.is_loopback or parsed.is_unspecified
    return found[0] if kept else "<address>" + found[0][len(address) :]
