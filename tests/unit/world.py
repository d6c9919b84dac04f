"""A make-believe cluster at the start of a task of lab 06, on which stored attempts are played."""

from __future__ import annotations

import copy
import json
import shlex
from pathlib import Path

import yaml
from fleet import Fleet, Record, change, daemonset

from daemonset_course.lab.tasks import roll_within_budget as lab06

ATTEMPTS = Path(__file__).parents[2] / "content/labs/06-roll-within-budget/attempts"
DEAD = "course-worker4"


def header(path: Path) -> dict[str, str]:
    """The first document of an attempt: about, task, expect, says."""
    first, _, _ = path.read_text().partition("\n---\n")
    return {key: str(value) for key, value in yaml.safe_load(first).items()}


class World(Fleet):
    """Twelve workers with the agent of lab 06, in the state in which a task begins."""

    def __init__(self, task: int) -> None:
        super().__init__(12)
        self.gone = False
        self.first = spec_of(lab06.manifest())
        self.daemonset["spec"] = copy.deepcopy(self.first)
        self.run(0.5)
        if task == 2:
            self.kubelet_silent(DEAD)
        if task == 3:
            self.set_spec(spec_of(lab06.manifest(image=lab06.BAD, release="2")))
        self.run(8)
        self._records = [change(self.t, "nodes", n, "ADDED", "list") for n in self.nodes.values()]
        self._records += [change(self.t, "pods", p, "ADDED", "list") for p in self.pods.values()]
        self._records.append(change(self.t, "daemonsets", self.daemonset, "ADDED", "list"))

    def set_spec(self, spec: Record) -> None:
        meta = self.daemonset["metadata"]
        if spec["template"] != self.daemonset["spec"]["template"]:
            meta["generation"] += 1
            number = str(meta["generation"])
            meta["annotations"]["deprecated.daemonset.template.generation"] = number
        self.daemonset["spec"] = spec
        image = spec["template"]["spec"]["containers"][0]["image"]
        self._bad = frozenset(self.nodes if image.startswith("registry.invalid/") else ())
        self._emit("daemonsets", self.daemonset, "MODIFIED")
        self._later(0.05, self._sync)

    def play(self, path: Path) -> World:
        _, _, steps = path.read_text().partition("\n---\n")
        for step in yaml.safe_load_all(steps):
            self._step(step)
            self.run(0.1)
        return self

    def remove_node(self, name: str) -> None:
        self._emit("nodes", self.nodes.pop(name), "DELETED")
        self._later(0.02, self._sync)

    def delete_pods(self, count: int) -> None:
        for made in list(self.pods.values())[:count]:
            if "deletionTimestamp" not in made["metadata"]:
                self._delete(made)

    def _step(self, step: Record) -> None:
        match step.get("action"):
            case None:
                self._apply(step)
            case "kubectl":
                self._kubectl(shlex.split(step["command"]))
            case "delete pods" if "reason" in step:
                broken = [p for p in self.pods.values() if "containerStatuses" in p["status"]]
                self._delete(broken[0])
            case "delete pods":
                self.delete_pods(step["count"])
            case "remove node":
                self.remove_node(DEAD)
            case "recover node":
                self._silent.clear()
                self.nodes[DEAD]["status"]["conditions"][0]["status"] = "True"
                self._emit("nodes", self.nodes[DEAD], "MODIFIED")

    def _apply(self, manifest: Record) -> None:
        name, spec = manifest["metadata"]["name"], spec_of(manifest)
        if name != "agent":
            other = daemonset()
            other["metadata"] |= {"name": name, "uid": "ds-other"}
            self._emit("daemonsets", other | {"spec": spec}, "ADDED")
        elif self.gone:
            self.gone = False
            self.daemonset = daemonset() | {"spec": spec, "status": {}}
            self.daemonset["metadata"]["uid"] = "ds-2"
            self._emit("daemonsets", self.daemonset, "ADDED")
            self._later(0.05, self._sync)
        else:
            self.set_spec(spec)

    def _kubectl(self, words: list[str]) -> None:
        spec = copy.deepcopy(self.daemonset["spec"])
        container = spec["template"]["spec"]["containers"][0]
        match words:
            case ["set", "env", _, pair]:
                container["env"] = [dict(zip(("name", "value"), pair.split("="), strict=True))]
            case ["set", "image", _, pair]:
                container["image"] = pair.partition("=")[2]
            case ["rollout", "undo", *_]:
                spec["template"] = self.first["template"]
            case ["patch", _, _, "--patch", text]:
                merge(spec, json.loads(text)["spec"])
            case ["delete", "daemonset", *_]:
                self.gone = True
                self._emit("daemonsets", self.daemonset, "DELETED")
                self.delete_pods(len(self.pods))
                return
            case _:
                raise AssertionError(f"not known here: {words}")
        self.set_spec(spec)

    def _sync(self) -> None:
        if self.gone:
            return
        if self.daemonset["spec"]["updateStrategy"]["type"] != "OnDelete":
            super()._sync()
            return
        for name in self.nodes:
            if "control-plane" not in name and not self._on(name):
                self._new_pod(name)


def spec_of(manifest: str | Record) -> Record:
    """The spec of a manifest with the defaults that the API server adds."""
    spec: Record = (yaml.safe_load(manifest) if isinstance(manifest, str) else manifest)["spec"]
    rolling = {"maxUnavailable": 1, "maxSurge": 0} | spec["updateStrategy"]["rollingUpdate"]
    strategy = spec["updateStrategy"] | {"rollingUpdate": rolling}
    return {"minReadySeconds": 0} | spec | {"updateStrategy": strategy}


def merge(into: Record, patch: Record) -> None:
    """What a strategic merge patch does, as far as the attempts need it."""
    for key, value in patch.items():
        if key == "containers":
            into[key][0].update(value[0])
        elif isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value


def attempts() -> list[Path]:
    """The stored attempts, wrong ones and right ones."""
    return sorted(ATTEMPTS.glob("*.yaml"))
