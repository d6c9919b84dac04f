"""Make the environment of the programs that the course starts.

It is the learner's environment without variables that change these programs. Kubernetes programs
read options from variables such as ``KUBECTL_...``; Python and Jupyter read files that variables
name. Proxies stay, for downloads; requests to this machine bypass them.

``variables.py`` has the settings of the course itself.
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
# Options of kubectl (KUBECTL_EXTERNAL_DIFF), of all Kubernetes programs (KUBE_FEATURE_...), of
# kwokctl and etcd. The learner may choose the editor of `kubectl edit`.
_STEERING = re.compile(r"(?!KUBE_EDITOR$)KUBE|KWOK_|ETCD")
_STEERING_PYTHON = re.compile(
    r"JUPYTER|JPY_|PYTHON|IPYTHON|MPL|MATPLOTLIB"
    r"|PIP_(USER|TARGET|PREFIX|ROOT|PYTHON|REQUIRE_VIRTUALENV)$"
)


def for_programs(own: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of kubectl, kwokctl, container engines and their child processes.

    Args:
        own: variables that are added or replaced.
    """
    kept = {name: value for name, value in os.environ.items() if not _STEERING.match(name)}
    # KUBERC=off: kubectl (1.33 and newer) reads no preferences from ~/.kube/kuberc.
    return kept | _bypass(kept) | {"KUBERC": "off"} | dict(own or {})


def for_python(own: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of JupyterLab and of kernels; create the folder of their files."""
    kept = {
        name: value for name, value in for_programs().items() if not _STEERING_PYTHON.match(name)
    }
    jupyter = state_home() / "jupyter"
    jupyter.mkdir(parents=True, exist_ok=True, mode=0o700)  # it will contain tokens
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
    """Return the environment of kind, which passes its proxies on to the nodes.

    kind adds the names and subnets of the cluster to NO_PROXY. A proxy on the loopback address is
    removed: in a node, 127.0.0.1 is the node itself.
    """
    environment = for_programs(own)
    here = {name for name, proxy in proxies(environment).items() if is_loopback(proxy)}
    return {name: value for name, value in environment.items() if name not in here}


def for_go() -> dict[str, str]:
    """Return the environment in which Go builds programs for this machine, without cgo."""
    # The learner may build for another platform; GOPROXY, GOTOOLCHAIN and the like stay.
    kept = {name: value for name, value in os.environ.items() if name not in ("GOOS", "GOARCH")}
    return kept | {"CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "-buildvcs=false"}


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
