"""Find and stop the processes of a cluster's folder."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

from daemonset_course.errors import NotRunning

PROGRAMS = {
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kwok-controller",
    "kwok",
    "kwokctl",
    "kubectl",
    "kind",
}
RECORDER = "daemonset_course.lab.lab_recorder"  # a Python module: the recorder of a lab's task


def processes_of(directory: Path) -> list[psutil.Process]:
    """Return all running processes of the cluster's programs whose command names its folder.

    The recorder of a lab is one of them.
    """
    mark = f"{directory}{os.sep}"
    found = []
    for process in psutil.process_iter(["pid", "cmdline", "status"]):
        words = process.info["cmdline"] or [""]
        command, program = " ".join(words), Path(words[0]).name
        living = process.info["status"] != psutil.STATUS_ZOMBIE
        if living and mark in command and (program in PROGRAMS or RECORDER in words):
            found.append(process)
    return found


def kill_all(directory: Path) -> None:
    """Kill all processes of a cluster's folder.

    The search is repeated: a kwokctl may start one more process before it ends.

    Raises:
        NotRunning: a process belongs to another user.
    """
    for _ in range(5):
        running = processes_of(directory)
        if not running:
            break
        for process in running:
            _kill(process)
        psutil.wait_procs(running, timeout=5)


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        pass
    except psutil.AccessDenied as error:
        raise NotRunning(
            f"Process {process.pid} of this cluster cannot be stopped.", seen=str(error)
        ) from error
