"""The Pods by which simulated kubelets are compared with real ones: manifests as plain data."""

from __future__ import annotations

from typing import Any, NamedTuple

PAUSE = "registry.k8s.io/pause:3.10"
SHELL = "busybox:1.36"
BAD = "registry.invalid/tool:1"

Object = dict[str, Any]


class Case(NamedTuple):
    """One Pod, and how far it is watched.

    Attributes:
        words: what is special about it.
        spec: its spec.
        last: "READY STATUS" of kubectl that it comes to on both; with several, on one of them.
        restarts: so many restarts are waited for, too.
        deleted: it is deleted then, and watched until it is gone.
        grace: the ``--grace-period`` of the deletion; None: that of the Pod.
    """

    words: str
    spec: Object
    last: tuple[str, ...] = ("1/1 Running",)
    restarts: int = 0
    deleted: bool = False
    grace: int | None = None


def container(name: str, image: str = PAUSE, **more: Any) -> Object:
    """Return a container that runs until it is stopped."""
    return {"name": name, "image": image, "imagePullPolicy": "IfNotPresent"} | more


def init(name: str, **more: Any) -> Object:
    """Return an init container that ends at once."""
    return container(name, SHELL, command=["true"]) | more


def sidecar(name: str, image: str = PAUSE, **more: Any) -> Object:
    """Return an init container that keeps running."""
    return container(name, image, restartPolicy="Always", **more)


def pod(*containers: Object, inits: tuple[Object, ...] = (), **more: Any) -> Object:
    """Return the spec of a Pod."""
    spec = {"containers": [*containers], "terminationGracePeriodSeconds": 2}
    return spec | ({"initContainers": [*inits]} if inits else {}) | more


def _probe(kind: str, word: str, **more: Any) -> Object:
    """Return a container with a probe that runs a command: it needs an image with a shell."""
    probe = {"exec": {"command": [word]}, "periodSeconds": 1} | more
    return {"image": SHELL, "command": ["sleep", "3600"], kind: probe}


_WEB = container("web")
_CRASH: Object = {"image": SHELL, "command": ["false"]}
_PULL = ("ImagePullBackOff", "ErrImagePull")
_SLOW: Object = {"lifecycle": {"preStop": {"sleep": {"seconds": 4}}}}
_CUT: Object = {"lifecycle": {"preStop": {"sleep": {"seconds": 30}}}}
_CONFIG: Object = {"envFrom": [{"configMapRef": {"name": "missing"}}]}
_VOLUME = [{"name": "files", "configMap": {"name": "missing"}}]

CASES = {
    "plain": Case("one container", pod(_WEB)),
    "init": Case("an init container", pod(_WEB, inits=(init("setup"),))),
    "two-inits": Case("two init containers", pod(_WEB, inits=(init("first"), init("second")))),
    "init-bad-image": Case(
        "the image of the second of three init containers cannot be pulled",
        pod(_WEB, inits=(init("first"), init("setup", image=BAD), init("last"))),
        tuple(f"0/1 Init:{word}" for word in _PULL[:1]),
    ),
    "init-fails": Case(
        "an init container that fails", pod(_WEB, inits=(init("setup", **_CRASH),)),
        ("0/1 Init:CrashLoopBackOff",), restarts=2,
    ),
    "sidecar": Case("a sidecar", pod(_WEB, inits=(sidecar("proxy"),)), ("2/2 Running",)),
    "sidecar-and-inits": Case(
        "a sidecar between two init containers",
        pod(_WEB, inits=(init("first"), sidecar("proxy"), init("last"))), ("2/2 Running",),
    ),
    "sidecar-starts-late": Case(
        "a sidecar whose startupProbe waits 4 s, before the main container",
        pod(_WEB, inits=(
            sidecar("proxy") | _probe("startupProbe", "true", initialDelaySeconds=4),
        )), ("2/2 Running",),
    ),
    "sidecar-never-ready": Case(
        "a sidecar that is never ready",
        pod(_WEB, inits=(sidecar("proxy") | _probe("readinessProbe", "false"),)), ("1/2 Running",),
    ),
    "sidecar-bad-image": Case(
        "the image of a sidecar cannot be pulled", pod(_WEB, inits=(sidecar("proxy", BAD),)),
        ("0/2 Init:ImagePullBackOff",),
    ),
    "one-bad-of-two": Case(
        "the image of one of two containers cannot be pulled",
        pod(_WEB, container("agent", BAD)), ("1/2 ImagePullBackOff",),
    ),
    "crash": Case(
        "a container that fails at once", pod(container("web", **_CRASH)),
        ("0/1 CrashLoopBackOff",), restarts=3,
    ),
    "one-crash-of-two": Case(
        "one of two containers fails at once", pod(_WEB, container("zeta", **_CRASH)),
        ("1/2 CrashLoopBackOff",), restarts=2,
    ),
    "never-ready": Case(
        "a readinessProbe that fails", pod(container("web") | _probe("readinessProbe", "false")),
        ("0/1 Running",),
    ),
    "ready-late": Case(
        "a readinessProbe that waits 4 s",
        pod(container("web") | _probe("readinessProbe", "true", initialDelaySeconds=4)),
    ),
    "starts-late": Case(
        "a startupProbe that waits 4 s",
        pod(container("web") | _probe("startupProbe", "true", initialDelaySeconds=4)),
    ),
    "succeeds": Case(
        "restartPolicy Never, exit code 0",
        pod(container("web", SHELL, command=["true"]), restartPolicy="Never"), ("0/1 Completed",),
    ),
    "fails": Case(
        "restartPolicy Never, exit code 1",
        pod(container("web", **_CRASH), restartPolicy="Never"), ("0/1 Error",),
    ),
    "missing-configmap": Case(
        "envFrom of a ConfigMap that is missing", pod(_WEB | _CONFIG),
        ("1/1 Running", "0/1 CreateContainerConfigError"),
    ),
    "missing-volume": Case(
        "a volume of a ConfigMap that is missing", pod(_WEB, volumes=_VOLUME),
        ("1/1 Running", "0/1 ContainerCreating"),
    ),
    "deleted": Case("deleted", pod(_WEB), deleted=True),
    "stops-late": Case(
        "deleted; preStop sleeps 4 s of 30 s grace period",
        pod(_WEB | _SLOW, terminationGracePeriodSeconds=30), deleted=True,
    ),
    "stops-at-the-limit": Case(
        "deleted with --grace-period=3; preStop sleeps 30 s",
        pod(_WEB | _CUT, terminationGracePeriodSeconds=40), deleted=True, grace=3,
    ),
    "sidecar-stops-last": Case(
        "deleted; container and sidecar have a preStop of 4 s each",
        pod(_WEB | _SLOW, inits=(sidecar("proxy") | _SLOW,), terminationGracePeriodSeconds=30),
        ("2/2 Running",), deleted=True,
    ),
}  # fmt: skip
