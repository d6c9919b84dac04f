"""Send requests to the API server in plain dicts, through the official client.

``marker.require_marker`` checks first that the course created the cluster. Learners see Kubernetes
objects as in YAML, not as client models, and errors of the course instead of client tracebacks.
"""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

from daemonset_course.errors import (
    ApiError,
    BadInput,
    CourseError,
    NotRunning,
    Reason,
    Rejected,
)
from daemonset_course.manifest_text import encoded
from daemonset_course.places import course_command

Object = dict[str, Any]

TIMEOUT = (5.0, 35.0)  # seconds to connect, and between two bytes of an answer
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"  # lists of objects merge by their key
APPLY = "application/apply-patch+yaml"
_UNDECLARED = re.compile(r"\.(?P<field>\S+): field not declared in schema")
_MISTYPED = re.compile(r"\.(?P<field>\S+): (?P<says>expected \w+), got .*?Value:(?P<value>.*)\}$")


def segment(name: object) -> str:
    """Return a name as one segment of a URL path.

    Raises:
        BadInput: the API server accepts no such name.
    """
    # Source: IsValidPathSegmentName in staging/src/k8s.io/apimachinery/pkg/api/validation/path.
    text = str(name)
    if text in ("", ".", "..") or "/" in text or "%" in text:
        raise BadInput(
            f"{text!r} cannot be the name of an object.",
            next_step="Use a name without '/' and '%'.",
        )
    return quote(text, safe="", errors="surrogatepass")


class Api:
    """The API server of one kubeconfig, in plain dicts. Safe to use from several threads."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig
        self._cluster = kubeconfig.parent.name  # a cluster's folder has its name

    @cached_property
    def _client(self) -> Any:
        from kubernetes import client, config  # noqa: PLC0415 - 370 ms

        settings = client.Configuration()
        # The client would use a proxy of the environment; the server is on this machine.
        settings.proxy = None
        # Each feed holds a connection. Retries would hide from a feed that the server is down.
        settings.connection_pool_maxsize = 32
        settings.retries = False
        try:
            config.load_kube_config(str(self.kubeconfig), client_configuration=settings)
            tls = _tls(settings)
        except Exception as error:
            raise NotRunning(
                f"The kubeconfig {self.kubeconfig} cannot be used.",
                seen=str(error),
                next_step=course_command("up", self._cluster),
            ) from error
        made = client.ApiClient(settings)
        made.rest_client.pool_manager.connection_pool_kw.update(tls)
        return made

    @property
    def server(self) -> str:
        """The address of the API server, e.g. ``https://127.0.0.1:41235``."""
        return str(self._client.configuration.host)

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        timeout: tuple[float, float] = TIMEOUT,
    ) -> Object:
        """Return the decoded answer to one request.

        Raises:
            Rejected: the object is invalid or forbidden.
            ApiError: any other error status.
            NotRunning: the API server did not answer, or the answer is not JSON.
        """
        answer = self._send(method, path, body, query or {}, content_type, timeout)
        try:
            decoded: Object = json.loads(answer.data)
        except (ValueError, RecursionError) as error:
            raise self._silent(
                f"{answer.data[:60]!r} on {method} {path}",
                f"The answer of the API server at {self.server} is not JSON.",
            ) from error
        return decoded

    def stream(
        self, path: str, *, query: Mapping[str, Any], timeout: tuple[float, float] = TIMEOUT
    ) -> Any:
        """Return the raw open answer of a watch; ``watch.Watch`` reads it."""
        return self._send("GET", path, None, query, "application/json", timeout, preload=False)

    def _send(
        self,
        method: str,
        path: str,
        body: Any,
        query: Mapping[str, Any],
        content_type: str,
        timeout: tuple[float, float],
        preload: bool = True,
    ) -> Any:
        try:
            answer = self._call(method, path, body, query, content_type, timeout)
            if preload:
                _ = answer.data  # reads it all, so the connection goes back to the pool
            return answer
        except Exception as error:
            own = self._own_error(error, method, path)
            if own is None:
                raise
            raise own from error

    def _call(
        self,
        method: str,
        path: str,
        body: Any,
        query: Mapping[str, Any],
        content_type: str,
        timeout: tuple[float, float],
    ) -> Any:
        """Return the open answer of urllib3, unless its status is an error."""
        from kubernetes.client import ApiException  # noqa: PLC0415 - 370 ms

        if content_type == APPLY:
            body = encoded(body).encode()
        request = self._client.param_serialize(
            method,
            path,
            query_params=[(k, v) for k, v in query.items() if v is not None],
            header_params={"Accept": "application/json", "Content-Type": content_type},
            body=body,
            auth_settings=["BearerToken"],
        )
        answer = self._client.call_api(*request, _request_timeout=timeout).response
        if answer.status >= 300:
            # Reads the body, and raises the client's error for this status.
            ApiException.from_response(http_resp=answer, body=None, data=None)
        return answer

    def _own_error(self, error: Exception, method: str, path: str) -> CourseError | None:
        """Return the course's error for a client error; None for any other error."""
        for foreign, explain in _foreign_errors().items():
            if isinstance(error, foreign):
                found = explain(error, method, path)
                return self._silent(found) if isinstance(found, str) else found
        return None

    def _silent(self, seen: str, failed: str = "") -> NotRunning:
        return NotRunning(
            failed or f"The API server at {self.server} did not answer.",
            seen=" ".join(seen.split()),
            next_step=f"{course_command('status', self._cluster)}, "
            f"then {course_command('up', self._cluster)}",
        )

    def get(self, path: str) -> Object:
        """Return one object.

        Raises:
            ApiError: also where the object does not exist, with status 404.
            NotRunning: also where the answer is not an object.
        """
        found = self.request("GET", path)
        if not isinstance(found, dict):
            raise self._silent(
                f"{found!r:.60} on GET {path}",
                f"The answer of the API server at {self.server} is not an object.",
            )
        return found

    def find(self, path: str) -> Object | None:
        """Return one object, or None when it does not exist."""
        try:
            return self.get(path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def items(self, path: str, **query: Any) -> list[Object]:
        """Return the objects of a collection."""
        found = self.request("GET", path, query=query)
        if not isinstance(found, dict) or not isinstance(found.get("items"), list):
            raise self._silent(
                f"{found!r:.60} on GET {path}",
                f"The answer of the API server at {self.server} is not a list.",
            )
        return list(found["items"])

    def merge(self, path: str, patch: Object) -> Object:
        """Apply a merge patch (RFC 7386: ``None`` removes a key) and return the changed object."""
        return self.request("PATCH", path, patch, content_type=MERGE)

    def merge_conditions(self, node: str, conditions: list[Object]) -> None:
        """Merge conditions into a node's status by their type."""
        path = f"/api/v1/nodes/{node}/status"
        body = {"status": {"conditions": conditions}}
        self.request("PATCH", path, body, content_type=STRATEGIC)

    def delete(self, path: str, **options: Any) -> None:
        """Delete an object or a collection; a missing object is no error."""
        try:
            self.request("DELETE", path, options or None)
        except ApiError as error:
            if error.status != 404:
                raise

    def resources(self, group_version: str) -> list[Object]:
        """Return the resources of an API group version from discovery, without subresources."""
        group, slash, version = group_version.partition("/")
        if group_version == "v1":
            root = "/api/v1"
        elif slash:
            root = f"/apis/{segment(group)}/{segment(version)}"
        else:  # a group without a version: the server would answer with an APIGroup
            return []
        found = self.find(root) or {}
        return [r | {"root": root} for r in found.get("resources", []) if "/" not in r["name"]]

    def group_versions(self) -> list[str]:
        """Return the preferred version of every API group, ``v1`` first."""
        groups = self.get("/apis")["groups"]
        return ["v1", *(group["preferredVersion"]["groupVersion"] for group in groups)]

    def path_of(self, item: Mapping[str, Any], namespace: str = "default") -> str:
        """Return the URL path of an object.

        Raises:
            BadInput: the server has no such kind (the message names the nearest one), or accepts no
                such name.
        """
        kind, version = str(item["kind"]), str(item["apiVersion"])
        resources = self.resources(version)
        for resource in resources:
            if resource["kind"] == kind:
                middle = ""
                if resource["namespaced"]:
                    middle = (
                        f"/namespaces/{segment(item['metadata'].get('namespace') or namespace)}"
                    )
                name = segment(item["metadata"]["name"])
                return f"{resource['root']}{middle}/{resource['name']}/{name}"
        raise _unknown_kind(kind, version, [r["kind"] for r in resources])


def _tls(settings: Any) -> dict[str, Any]:
    """Return what urllib3 needs to trust the server, apart from the learner's variables.

    A context that urllib3 makes itself writes the keys of all connections to ``SSLKEYLOGFILE``,
    and no connection opens if that file cannot be written.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = settings.verify_ssl
    if settings.ssl_ca_cert:
        context.load_verify_locations(settings.ssl_ca_cert)
    if settings.cert_file:
        context.load_cert_chain(settings.cert_file, settings.key_file)
    return {"ssl_context": context, **dict.fromkeys(("ca_certs", "cert_file", "key_file"))}


def _unknown_kind(kind: str, version: str, resources: list[str]) -> BadInput:
    near = get_close_matches(kind, resources, n=1, cutoff=0.5)
    return BadInput(
        f"The API server knows no kind {kind!r} in apiVersion {version!r}.",
        seen=f"kinds of {version}: {', '.join(sorted(set(resources))) or 'none'}",
        next_step=f"Did you mean {near[0]}?" if near else "Check kind and apiVersion.",
    )


@cache
def _foreign_errors() -> dict[type[Exception], Callable[[Any, str, str], CourseError | str | None]]:
    """Return what each client error means: an error of the course, or why no answer came."""
    import urllib3  # noqa: PLC0415 - 50 ms
    from kubernetes.client import ApiException  # noqa: PLC0415 - 370 ms

    return {
        ApiException: _explain,
        urllib3.exceptions.HTTPError: lambda e, m, p: f"{type(e).__name__} on {m} {p}",
        UnicodeEncodeError: lambda e, *_: BadInput(f"{e.object!r} holds a character of no text."),
    }


def _explain(error: Any, method: str, path: str) -> CourseError | str:
    """Return the server's Status object as an error of the course, or why no answer came."""
    if not error.status:  # TLS can fail while the server starts
        return f"{error.reason} on {method} {path}"
    try:
        status: Object = json.loads(error.body or "{}")
    except ValueError:
        status = {}
    message = status.get("message") or str(error.reason)
    details = status.get("details") or {}
    name = " ".join(filter(None, (details.get("kind"), details.get("name")))) or path
    undeclared = _UNDECLARED.search(message)
    if undeclared:  # server-side apply answers 500 to a field that the kind does not have
        reason = Reason(undeclared["field"], "the kind has no such field")
        return Rejected(name, [reason], next_step="Look for a typing error in the field's name.")
    mistyped = _MISTYPED.search(message)
    if mistyped:
        reason = Reason(mistyped["field"], f"{mistyped['says']}, got {mistyped['value']}")
        return Rejected(name, [reason], next_step="Quote the value if it is meant as a string.")
    if error.status in (400, 403, 422) or (error.status == 404 and method in ("PATCH", "POST")):
        causes = details.get("causes") or []
        reasons = [Reason(c.get("field", ""), c.get("message", "")) for c in causes]
        return Rejected(name, reasons or [Reason("", message)], next_step=_cure(error.status))
    return ApiError(
        f"{method} {path} failed with status {error.status}.", error.status, seen=message
    )


def _cure(status: int) -> str:
    if status == 404:
        return "Create what is missing first, e.g. the namespace, or correct its name."
    return ""
