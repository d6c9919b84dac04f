"""A model answer to the interview question of each lab's debrief, as Markdown. Pure."""

from __future__ import annotations

MODEL_ANSWERS = {
    "01-cover-the-fleet": """\
At the node that has no Pod: `kubectl get pods -o wide` against `kubectl get nodes`, then
`kubectl describe node` for its taints and labels. Compare them with the tolerations, the
nodeSelector and the required node affinity of the template. READY counts the same nodes as
DESIRED. A node that the controller leaves out is in neither number, and there is no event about
it.""",
    "02-place-by-label": """\
A node that loses `disk=ssd` loses its Pod at once, and no update budget is asked. When the loop
has ended, no node has an agent. After the change of the DaemonSet all Pods are created at the
same time.

A better order: add `storage=ssd` to the nodes and keep `disk=ssd`; change the nodeSelector,
which is a change of the template, so the update budget applies; wait for the rollout; remove
`disk=ssd`.""",
    "03-mixed-fleet": """\
Whoever misses the logs or metrics of zone d notices. `In` is closed, so the new nodes are not
in DESIRED. Leave the zone out of the template, or exclude zones with `NotIn`: then new zones
match. Keep `In` for what the program can run on, such as its architectures.

The alert must not ask the DaemonSet alone. Write down which nodes should have an agent, and
alert on each such node without a ready Pod of it.""",
    "04-tainted-fleet": """\
The node has a taint that the template does not tolerate. The labels of the node do not match,
for example in a new pool. The controller does not run, so both numbers are old. In the first
two cases the node is not in DESIRED.

Compare two lists of nodes: those that should have an agent, by a rule of your own, and those
that have a ready Pod of it. Alert on the difference, and on a controller manager that does not
answer.""",
    "05-monitoring-agent": """\
In the events of the DaemonSet: `kubectl describe daemonset` shows FailedCreate with the reason.
The API server refused to create the Pods, so there is no Pod that could hold an event.

The controller tries again after each refusal, later each time, up to minutes. The next try ends
the wait. So does whatever puts the DaemonSet into the controller's queue at once: a change of
the DaemonSet or of a node.""",
    "06-roll-within-budget": """\
`kubectl get daemonset`, with the strategy and the numbers: 5 % of 200 are 10 nodes, so is
AVAILABLE 190 or less? Then `kubectl get pods -o wide` for the Pods that are not ready, and
their nodes. Then `kubectl describe node` for one of these.

Widen the budget if those nodes stay down for a while and the service can spare a few more: to
the nodes that are down, plus those that may roll at one time. Delete a Node object if the
machine never comes back: then the node is not counted any more.""",
    "07-no-gap-update": """\
Nobody: an old Pod is deleted only when the new one on its node is available. Describe the new
Pod that is Pending; it uses the whole surge budget.

The scheduler says that the node has no free port (a hostPort of the old Pod), or insufficient
CPU or memory (there is no room for two Pods).""",
    "08-node-by-node": """\
Somebody or something else ended the Pods of three nodes: an eviction, a node that was rebuilt,
a node that joined, a Pod that failed and was replaced. The controller creates each new Pod from
the newest template. UP-TO-DATE against DESIRED shows how far it is: 3 of 200.""",
    "09-incident-room": """\
The fifth, the update budget: every wanted Pod was created, bound and started, and 5 nodes have
the old template. READY 8 with AVAILABLE 7 says that one Pod is ready, but not for
`minReadySeconds` yet. It uses the budget.

Look at `minReadySeconds`, and at the time since when that Pod is ready. If UP-TO-DATE does not
grow after that many seconds, the Pod does not stay ready: look at its restarts and its probe.""",
    "10-fleet-release": """\
95 % of 1000 nodes: at most 50 may be down, so `maxUnavailable` is at most 50. 12 of it are used
up. One hour has room for 90 restarts of 40 s, so at least 12 nodes must roll at one time: at
least 24. With 40, 28 nodes roll at one time: about 36 restarts, 24 minutes, and 10 more nodes
may fail.

With 200 slow nodes a restart takes 68 s on average. With 40 the release takes about 41 minutes,
and up to 3 more if a slow node comes last. The lower limit rises from 24 to 31.""",
    "11-nodes-join": """\
What RBAC allows the ServiceAccount, which all agents share. If that is to patch nodes, it is
every Node: whoever sets labels and taints decides where Pods run and which are evicted. Ask the
API server: `kubectl auth can-i --list` with the token.

A policy on the node's name in the token limits writes to that node. It does not limit reads,
nor other writes to that node: all of its labels and taints can still be changed.""",
}
