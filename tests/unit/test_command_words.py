"""Which commands of kubectl a cell runs, and for how long."""

from __future__ import annotations

import shlex

import pytest

from daemonset_course.errors import BadInput
from daemonset_course.verbs.command_words import check, patience, reads_input
from daemonset_course.verbs.kubectl import kubectl


@pytest.mark.parametrize(
    ("command", "named", "instead"),
    [
        ("edit ds/agent", "edit", "kubectl patch"),
        ("-n kube-system edit ds/agent", "edit", "kubectl patch"),
        ("--context x edit ds/agent", "edit", "kubectl patch"),
        ("apply edit-last-applied ds/agent", "apply edit-last-applied", "apply -f"),
        ("create -f x --edit", "create --edit", "Leave out --edit"),
        ("delete pod x -i", "delete -i", "Leave out"),
        ("exec -it pod/x -- sh", "exec -it", "kubectl exec POD -- ls /"),
        ("exec pod/x -ti -- sh", "exec -ti", "give the command"),
        ("exec --stdin --tty pod/x -- sh", "exec --tty", "give the command"),
        ("run x --image=y -it", "run -it", "give the command"),
        ("debug -it node/x", "debug -it", "give the command"),
        ("attach pod/x", "attach", "kubectl logs"),
        ("port-forward pod/x 80", "port-forward", "terminal of JupyterLab"),
        ("proxy", "proxy", "kubectl get --raw"),
        ("logs -f pod/x", "logs -f", "--tail=20"),
        ("logs pod/x --follow", "logs --follow", "--tail=20"),
        ("get pods -w", "get -w", "kubectl wait"),
        ("get pods -Aw", "get -Aw", "kubectl wait"),
        ("get pods --watch-only", "get --watch-only", "kubectl wait"),
        ("events --watch", "events --watch", "kubectl wait"),
        ("rollout status ds/x --watch", "rollout --watch", "--timeout=60s"),
        ("--kubeconfig ~/.kube/config get pods", "--kubeconfig", "Leave out"),
        ("get pods --server=https://x", "--server=https://x", "Leave out"),
        ("-s https://x get pods", "-s", "Leave out"),
    ],
)
def test_refused(command: str, named: str, instead: str) -> None:
    with pytest.raises(BadInput, match=f"^kubectl {named} is refused") as error:
        kubectl(command)

    assert instead in error.value.next_step


@pytest.mark.parametrize(
    "command",
    [
        "get daemonset proxy edit attach",
        "-n edit get pods",
        "get pods -o wide --watch=false",
        "get pods -w --request-timeout=5s",
        "rollout status ds/x -w --timeout=60s",
        "rollout status ds/x",
        "logs pod/x --tail=1 -p",
        "exec pod/x -- sh -t -s --tty --kubeconfig",
        "exec -i pod/x -- cat",
        "exec -n team pod/x -- ls",
        "apply --server-side -f -",
        "delete -f x --wait",
        "",
    ],
)
def test_not_refused(command: str) -> None:
    check(shlex.split(command))


@pytest.mark.parametrize(
    ("command", "seconds"),
    [
        ("get pods", 60),
        ("wait --timeout=30s x", 60),
        ("wait --timeout=2m30s x", 160),
        ("wait x --timeout 90s", 100),
        ("get pods --request-timeout=1h", 3610),
        ("wait --timeout=0 x", 60),
        ("exec x -- y --timeout=2h", 60),
    ],
)
def test_a_command_has_a_minute_or_its_own_time(command: str, seconds: float) -> None:
    assert patience(command.split()) == seconds


@pytest.mark.parametrize(
    ("command", "reads"),
    [
        ("apply -f -", True),
        ("apply --filename=-", True),
        ("patch x --patch-file=/dev/stdin", True),
        ("exec -i pod/x -- sh", True),
        ("apply -f x.yaml", False),
        ("get pods", False),
        ("delete pod x -i", False),
        ("exec pod/x -- cat -", False),
    ],
)
def test_which_commands_read_standard_input(command: str, reads: bool) -> None:
    assert reads_input(command.split()) == reads
