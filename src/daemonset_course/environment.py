"""Make the environment of every program that the course starts.

It is the learner's environment without variables that change these programs. ``RULES`` says which
ones, for which kind of program and why; ``docs/variables.md`` shows the same table. Everything that
no rule names stays: proxies, for downloads, with this machine exempt; how to reach a package index
or a container engine; the shell, the editor. ``SET`` are the variables that the course sets.

``variables.py`` has the settings of the course itself.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from daemonset_course.files import unwritable
from daemonset_course.places import cache_home, state_home

LOOPBACK = ("127.0.0.1", "localhost", "::1")
BYPASS = ("NO_PROXY", "no_proxy")  # programs differ in which of the two they read first
_PROXY = re.compile(r"(HTTPS?|ALL)_PROXY", re.IGNORECASE)

Kind = Literal["programs", "containers", "python", "go"]
KINDS: dict[Kind, str] = {
    "programs": "kubectl, kwokctl and what it starts, docker and podman",
    "containers": "kind",
    "python": "JupyterLab, its kernels and terminals, recorders, tests and tools",
    "go": "Go, where it builds a program",
}
_ALL: tuple[Kind, ...] = ("programs", "containers", "python", "go")
_NOT_GO: tuple[Kind, ...] = ("programs", "containers", "python")


@dataclass(frozen=True)
class Rule:
    """Variables that do not reach some kinds of programs.

    Attributes:
        names: the variables; ``*`` at the end stands for any ending.
        kinds: the programs that do not get them.
        why: what they would change, in words.
        kept: names that the pattern includes, and that are passed on all the same.
    """

    names: tuple[str, ...]
    kinds: tuple[Kind, ...]
    why: str
    kept: tuple[str, ...] = ()

    def matches(self, name: str) -> bool:
        """Whether the rule removes a variable of this name."""
        patterns = ((one.removesuffix("*"), one.endswith("*")) for one in self.names)
        return name not in self.kept and any(
            name.startswith(start) if open_end else name == start for start, open_end in patterns
        )


# fmt: off
RULES = (
    Rule(("KUBE*",), _NOT_GO, "another cluster, and options of Kubernetes programs; "
         "the editor of `kubectl edit` is your choice", ("KUBE_EDITOR",)),
    Rule(("KWOK_*", "ETCD*"), _NOT_GO, "options of kwokctl and etcd"),
    Rule(("GODEBUG", "GOGC", "GOMEMLIMIT", "GOMAXPROCS", "GOTRACEBACK"), _NOT_GO,
         "how a program written in Go runs: its memory, its threads, its TLS"),
    Rule(("KIND_CLUSTER_NAME",), _NOT_GO, "another cluster of kind"),
    Rule(("DOCKER_DEFAULT_PLATFORM",), _NOT_GO, "node images for another kind of machine"),
    Rule(("SSLKEYLOGFILE",), _ALL, "a file with the keys of connections; one that cannot be "
         "written ends the program"),
    Rule(("JUPYTER*", "JPY_*", "IPYTHON*"), ("python",),
         "Jupyter's settings, tokens, folders and extensions"),
    Rule(("PYTHON*",), ("python",), "which modules Python finds, and how it runs",
         ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "PYTHONHASHSEED")),
    Rule(("MPL*", "MATPLOTLIB*"), ("python",), "how matplotlib draws"),
    Rule(("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_PYTHON",
          "PIP_REQUIRE_VIRTUALENV"), ("python",), "where pip installs"),
    Rule(("GOOS", "GOARCH", "GOROOT", "GOEXPERIMENT", "GODEBUG", "GO111MODULE"), ("go",),
         "another platform, another Go; GOPROXY, GOTOOLCHAIN and the like stay"),
    Rule(("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY",
          "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_PREFIX"),
         ("go", "python"), "another git repository, as git sets them for a hook"),
)
# fmt: on


SET: tuple[tuple[str, tuple[Kind, ...], str], ...] = (
    ("KUBERC", _NOT_GO, "`off`: kubectl reads no preferences and aliases from `~/.kube/kuberc`"),
    ("LC_ALL", ("programs", "containers"), "`C`: kubectl's text is English, as in the lessons"),
    ("NO_PROXY", _NOT_GO, "your hosts and this machine, if there is a proxy; `no_proxy` too"),
    (
        "JUPYTER_CONFIG_DIR",
        ("python",),
        "in the state folder, as `JUPYTER_DATA_DIR` and `IPYTHONDIR`: no settings, profiles or "
        "startup files of yours",
    ),
    ("JUPYTER_PREFER_ENV_PATH", ("python",), "the kernel installed with the course"),
    ("MPLCONFIGDIR", ("python",), "in the cache folder"),
    ("PYTHONNOUSERSITE", ("python",), "no package from `~/.local`"),
    ("PYTHONUTF8", ("python",), "text is UTF-8 in every locale"),
    ("GOOS", ("go",), "this machine, with `GOARCH`"),
    ("GOFLAGS", ("go",), "the course's own, with `GOWORK`, `GO111MODULE` and `CGO_ENABLED`"),
)


def for_programs(own: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of kubectl, kwokctl, container engines and their child processes.

    Args:
        own: variables that are added or replaced.
    """
    return _without_steering("programs") | dict(own or {})


def for_python(own: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of JupyterLab and of kernels; create the folder of their files.

    Raises:
        FileFailed: the folder cannot be created.
    """
    jupyter = state_home() / "jupyter"
    try:
        jupyter.mkdir(parents=True, exist_ok=True, mode=0o700)  # it will contain tokens
    except OSError as error:
        raise unwritable(jupyter, error) from error
    files = {
        "JUPYTER_CONFIG_DIR": str(jupyter / "config"),  # also the settings made in JupyterLab
        "JUPYTER_DATA_DIR": str(jupyter / "data"),
        "JUPYTER_PREFER_ENV_PATH": "1",  # the kernel and the extensions installed with the course
        "IPYTHONDIR": str(jupyter / "ipython"),
        "MPLCONFIGDIR": str(cache_home() / "matplotlib"),
    }
    return for_tools(files | dict(own or {}))


def for_tools(own: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of tools and tests, which keep no files of Jupyter."""
    python = {
        "PYTHONNOUSERSITE": "1",  # no package from ~/.local
        "PYTHONUTF8": "1",  # files and pipes are UTF-8 in every locale
    }
    return _without_steering("programs", "python") | python | dict(own or {})


def for_containers(own: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of kind, which passes its proxies on to the nodes.

    kind adds the names and subnets of the cluster to NO_PROXY. A proxy on the loopback address is
    removed: in a node, 127.0.0.1 is the node itself.
    """
    environment = _without_steering("containers") | dict(own or {})
    here = {name for name, proxy in proxies(environment).items() if is_loopback(proxy)}
    return {name: value for name, value in environment.items() if name not in here}


def for_go(platform: str) -> dict[str, str]:
    """Return the environment in which Go builds programs without cgo.

    Args:
        platform: Go's name of it, such as ``linux/amd64``. `go env -w` may have set another one.
    """
    system, _, machine = platform.partition("/")
    own = {"GOOS": system, "GOARCH": machine, "CGO_ENABLED": "0", "GO111MODULE": "on"}
    return _without_steering("go") | own | {"GOWORK": "off", "GOFLAGS": "-buildvcs=false"}


def reaches(name: str, kind: Kind) -> bool:
    """Whether a variable of the learner's reaches a kind of program."""
    return not any(kind in rule.kinds and rule.matches(name) for rule in RULES)


def _without_steering(*kinds: Kind) -> dict[str, str]:
    kept = {n: value for n, value in os.environ.items() if all(reaches(n, kind) for kind in kinds)}
    if "go" in kinds:
        return kept
    # KUBERC=off: kubectl (1.33 and newer) reads no preferences from ~/.kube/kuberc.
    own = {"KUBERC": "off"} if "python" in kinds else {"KUBERC": "off", "LC_ALL": "C"}
    return kept | _bypass(kept) | own


def proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that name a proxy, in upper and lower case."""
    return {name: value for name, value in environment.items() if _PROXY.fullmatch(name) and value}


def _bypass(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the NO_PROXY variables for requests to this machine; none without a proxy."""
    if not proxies(environment):
        return {}
    listed = [environment.get(name, "").split(",") for name in BYPASS]
    hosts = list(dict.fromkeys(filter(None, (host.strip() for row in listed for host in row))))
    if "*" in hosts:  # no request uses a proxy; Python accepts the star only alone
        return dict.fromkeys(BYPASS, "*")
    return dict.fromkeys(BYPASS, ",".join([*hosts, *(h for h in LOOPBACK if h not in hosts)]))


def is_loopback(address: str) -> bool:
    """Whether an address, with or without a scheme, is on the loopback interface."""
    try:
        host = urlsplit(address if "//" in address else f"//{address}").hostname or ""
    except ValueError:
        return False
    return host in LOOPBACK or host.startswith("127.")
