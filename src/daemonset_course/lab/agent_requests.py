"""Ask the live API server with the tokens of an agent's Pods."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from daemonset_course.cluster.lifecycle import current
from daemonset_course.cluster.waiting import until
from daemonset_course.errors import CommandFailed
from daemonset_course.history.log import Object
from daemonset_course.history.podstate import is_owned, node_of, phase_of
from daemonset_course.lab.agent_tries import TRIED, Who
from daemonset_course.verbs.apply import apply
from daemonset_course.verbs.kubectl import kubectl
from daemonset_course.verbs.tokens import api_with_token, make_token, refusal

_PAUSE = 0.1  # seconds between two looks
_REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"


class LiveRequests:
    """The ``Requests`` of the current cluster."""

    def __init__(self) -> None:
        """Prepare to ask; tokens are kept, as a kubelet keeps them."""
        self._tokens: dict[Who, str] = {}

    def nodes(self) -> Mapping[str, Object]:
        """Return the Node objects by name."""
        found = current().api.items("/api/v1/nodes")
        return {str(node["metadata"]["name"]): node for node in found}

    def ready_pods(self, daemonset: str) -> Mapping[str, Object]:
        """Return the ready Pods of a DaemonSet in the namespace ``default``, by node."""
        found = current().api.items("/api/v1/namespaces/default/pods")
        own = [pod for pod in found if is_owned(pod, daemonset)]
        return {node_of(pod): pod for pod in own if phase_of(pod)[0] == "ready"}

    def patch_node(self, who: Who, node: str, change: Object, *, dry_run: bool) -> str:
        """Return why a merge patch of a Node is refused; empty if it is not."""
        if who.user:
            return _impersonated(who.user, node, change)
        if not who.account:
            return refusal(current().api, node, change, dry_run=dry_run)
        try:
            with api_with_token(self._token(who)) as api:
                return refusal(api, node, change, dry_run=dry_run)
        except CommandFailed as error:  # no token for this Pod
            return error.seen

    def rules(self, who: Who) -> list[Object]:
        """Return the RBAC rules that hold for the owner of a token in ``default``."""
        review = {
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview",
            "spec": {"namespace": "default"},
        }  # fmt: skip
        with api_with_token(self._token(who)) as api:
            return list(api.request("POST", _REVIEW, review)["status"].get("resourceRules") or ())

    def wait(self, test: Callable[[], object], seconds: float) -> bool:
        """Wait until the test is true, at most so long; return whether it became true."""
        return bool(until(test, timeout=seconds, pause=_PAUSE))

    def store(self, data: Mapping[str, str]) -> None:
        """Write the data into the ConfigMap ``TRIED``."""
        metadata = {"name": TRIED}
        apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data)})

    def _token(self, who: Who) -> str:
        if who not in self._tokens:
            self._tokens[who] = make_token(who.account, who.pod)
        return self._tokens[who]


def _impersonated(user: str, node: str, change: Object) -> str:
    try:
        kubectl(
            "patch node", node, "--type=merge", "--dry-run=server", f"--as={user}", "-p",
            json.dumps(change),
        )  # fmt: skip
    except CommandFailed as error:
        return error.seen
    return ""
