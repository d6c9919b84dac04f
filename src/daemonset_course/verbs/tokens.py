"""Make a ServiceAccount's tokens, and test which Nodes they may modify."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from daemonset_course.cluster.api import MERGE, Api
from daemonset_course.cluster.lifecycle import current
from daemonset_course.cluster.waiting import until
from daemonset_course.errors import BadInput, NotFinished, Rejected, shown
from daemonset_course.progress import waiting
from daemonset_course.verbs.kubectl import kubectl

_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")  # RFC 6750
_LABEL = {"metadata": {"labels": {"example.com/written-by": "a-token"}}}
_PAUSE = 0.2  # seconds between two tries


def try_label_with_token(token: str, nodes: Iterable[str]) -> dict[str, str]:
    """Return for each node why a label may not be written with this token; empty if it may.

    The API server decides as for any request, and writes nothing (``dryRun``).

    Raises:
        ApiError: with status 401 if the token is not valid.
    """
    with api_with_token(token) as api:
        return {node: refusal(api, node, _LABEL) for node in nodes}


def make_token(account: str, pod: str = "", *, namespace: str = "default") -> str:
    """Return a token of a ServiceAccount, bound to a Pod if one is named, as the kubelet's is.

    Raises:
        CommandFailed: there is no such ServiceAccount or Pod, or the Pod has another one.
    """
    bound = ["--bound-object-kind", "Pod", "--bound-object-name", pod] if pod else []
    return kubectl("create token -n", namespace, account, *bound).strip()


@contextmanager
def api_with_token(token: str) -> Iterator[Api]:
    """Yield a client of the API server that has this token and no other credentials."""
    if not _TOKEN.fullmatch(token):
        raise BadInput(
            "A token has letters, digits and - . _ ~ + / = only.", seen=shown(token[:20])
        )
    with tempfile.TemporaryDirectory() as folder:
        yield Api(_kubeconfig(Path(folder), token))


def wait_refused(token: str, node: str, *, timeout: float = 30) -> str:
    """Wait until a label on this node is refused, and return the reason.

    A new policy takes effect once the API server has read it, and no object shows when. So the
    request is repeated after a pause.

    Raises:
        NotFinished: the label is still allowed after ``timeout`` seconds.
    """
    with waiting(f"the refusal of a label on {node}"):
        refusal = until(
            lambda: try_label_with_token(token, [node])[node], timeout=timeout, pause=_PAUSE
        )
    if refusal:
        return refusal
    raise NotFinished(
        f"A label on {node} is still allowed after {timeout:.0f} s.",
        next_step="Is the policy there, and its binding? kubectl get validatingadmissionpolicies,"
        "validatingadmissionpolicybindings",
    )


def _kubeconfig(folder: Path, token: str) -> Path:
    """Write the course's kubeconfig with this token in place of the administrator's credentials."""
    config = yaml.safe_load(current().api.kubeconfig.read_text())
    for user in config["users"]:
        user["user"] = {"token": token}
    path = folder / "kubeconfig"
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(config))
    return path


def refusal(api: Api, node: str, change: Mapping[str, Any], *, dry_run: bool = True) -> str:
    """Return why a merge patch of a Node is refused; empty if it is not.

    With ``dry_run`` the API server decides, and writes nothing.
    """
    query = {"dryRun": "All"} if dry_run else {}
    try:
        api.request("PATCH", f"/api/v1/nodes/{node}", change, query=query, content_type=MERGE)
    except Rejected as error:
        return error.seen
    return ""
