"""The environment of the programs that the course starts: the learner's, less what steers them.

A program reads options from variables of its own name, and Python and Jupyter read files that
variables name. What a learner sets there for other work would change the course's programs. Proxies
stay, for downloads; a request to this machine goes through none.

The variables by which the course itself is set are in ``variables.py``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from daemonset_course.places import cache_home, state_home

LOOPBACK = ("127.0.0.1", "localhost", "::1")
BYPASS = ("NO_PROXY", "no_proxy")  # programs differ in which of the two they read first
_PROXY = re.compile(r"(HTTPS?|ALL)_PROXY", re.IGNORECASE)
# Options of kubectl (KUBECTL_EXTERNAL_DIFF), of every Kubernetes program (KUBE_FEATURE_...), of
# kwokctl and etcd. Which editor `kubectl edit` opens is the learner's choice.
_STEERING = re.compile(r"(?!KUBE_EDITOR$)KUBE|KWOK_|ETCD")
_STEERING_PYTHON = re.compile(
    r"JUPYTER|JPY_|PYTHON|IPYTHON|MPL|MATPLOTLIB"
    r"|PIP_(USER|TARGET|PREFIX|ROOT|PYTHON|REQUIRE_VIRTUALENV)$"
)


def for_programs(own: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of kubectl, kwokctl, container engines and what these start.

    Args:
        own: variables that the program gets beside the learner's.
    """
    kept = {name: value for name, value in os.environ.items() if not _STEERING.match(name)}
    # KUBERC: kubectl reads no preferences from ~/.kube/kuberc (1.33 and newer know it).
    return kept | _bypass(kept) | {"KUBERC": "off"} | dict(own or {})


def for_python(own: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of JupyterLab and of kernels; make the folder of their files."""
    kept = {
        name: value for name, value in for_programs().items() if not _STEERING_PYTHON.match(name)
    }
    jupyter = state_home() / "jupyter"
    jupyter.mkdir(parents=True, exist_ok=True, mode=0o700)  # tokens will lie there
    files = {
        "JUPYTER_CONFIG_DIR": str(jupyter / "config"),  # also the settings made in JupyterLab
        "JUPYTER_DATA_DIR": str(jupyter / "data"),
        "JUPYTER_PREFER_ENV_PATH": "1",  # the kernel and the extensions installed with the course
        "IPYTHONDIR": str(jupyter / "ipython"),
        "MPLCONFIGDIR": str(cache_home() / "matplotlib"),
        "PYTHONNOUSERSITE": "1",  # no package from ~/.local
    }
    return kept | files | dict(own or {})


def for_containers(own: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of kind, which copies the proxies of its environment into nodes.

    kind adds the names and subnets of the cluster to NO_PROXY. A proxy on this machine's loopback
    stays out: there, 127.0.0.1 is the node itself.
    """
    environment = for_programs(own)
    here = {name for name, proxy in proxies(environment).items() if is_loopback(proxy)}
    return {name: value for name, value in environment.items() if name not in here}


def for_go() -> dict[str, str]:
    """Return the environment of Go, which builds programs for this machine and without C."""
    # Whatever the learner builds for; GOPROXY, GOTOOLCHAIN and the like stay.
    kept = {name: value for name, value in os.environ.items() if name not in ("GOOS", "GOARCH")}
    return kept | {"CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "-buildvcs=false"}


def proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that name a proxy, whatever their case."""
    return {name: value for name, value in environment.items() if _PROXY.fullmatch(name) and value}


def _bypass(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that keep requests to this machine from a proxy, where there is one."""
    if not proxies(environment):
        return {}
    listed = [environment.get(name, "").split(",") for name in BYPASS]
    hosts = list(dict.fromkeys(filter(None, (host.strip() for row in listed for host in row))))
    if "*" in hosts:  # no request goes through a proxy; Python knows the star only where alone
        return dict.fromkeys(BYPASS, "*")
    return dict.fromkeys(BYPASS, ",".join([*hosts, *(h for h in LOOPBACK if h not in hosts)]))


def is_loopback(address: str) -> bool:
    """Whether an address, which may lack its scheme, is on this machine's loopback."""
    try:
        host = urlsplit(address if "//" in address else f"//{address}").hostname or ""
    except ValueError:
        return False
    return host in LOOPBACK or host.startswith("127.")
