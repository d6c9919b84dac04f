# %% [markdown]
# # Names and files of the node

# %%
from daemonset_course import apply, predict, proved, record, reset, show, step
from daemonset_course import wait_rollout
from daemonset_course.lessons import rights, shell, wait_mounts

# %%
fleet = reset(workers=3)
fleet

# %% [markdown]
# ## The claim
#
# > An agent uses `hostNetwork` and `hostPath` to work with its node.
#
# Lesson [monitoring-agent] showed what an exporter reads. This one is about agents that must *find*
# something: a Service by its name, a folder of the node, a line in a log. Where containers have to run, the
# embedded cluster shows a **recording** made on kind.
#
# ## Names
#
# This agent has the network of its node, and its manifest says nothing of DNS.

# %%
with record("agent", live=True) as first:
    apply("../manifests/host-access/agent.yaml")
    wait_rollout("agent")
first.plot()

# %%
fields = "NETWORK:.spec.template.spec.hostNetwork,DNS:.spec.template.spec.dnsPolicy"
# %kubectl get daemonset agent -o custom-columns={fields}

# %% [markdown]
# The API server wrote the default, `ClusterFirst`: "ask the cluster's name server first". That one knows
# the names of Services. Three agents on one node look up `kubernetes.default.svc.cluster.local`: `pod-network` has a network of its own,
# `host-network` is like the agent above, and `with-host-net` has `hostNetwork` and
# `dnsPolicy: ClusterFirstWithHostNet`.

# %%
found = predict(
    "host-dns",
    "Two agents have dnsPolicy: ClusterFirst, pod-network without hostNetwork and host-network with "
    "it. with-host-net has hostNetwork and ClusterFirstWithHostNet. Which find a Service by its name?",
    choices=("all three", "all but host-network", "only pod-network", "only with-host-net"),
)
found

# %%
ASK = "nslookup kubernetes.default.svc.cluster.local >/dev/null 2>&1 && echo found"
SERVER = "sed -n 's/^nameserver //p' /etc/resolv.conf | head -n 1"
AGENTS = ("pod-network", "host-network", "with-host-net")


# %%
@step("names", needs="exec")
def names():
    """What three agents of one node find by name"""
    apply("../manifests/host-access/dns.yaml")
    for agent in AGENTS:
        wait_rollout(agent)
    told = [(shell(f"ds/{agent}", SERVER), shell(f"ds/{agent}", ASK)) for agent in AGENTS]
    return {
        agent: {"asks": ip, "Service": yes} for agent, (ip, yes) in zip(AGENTS, told, strict=True)
    }


# %%
names

# %%
finds = [agent for agent, told in names.result.items() if told["Service"] == "found"]
ways = {3: "all three", 2: "all but host-network", 1: f"only {finds[0]}"}
found.compare(ways[len(finds)], source=names.source)

# %%
asked = {agent: told["asks"] for agent, told in names.result.items()}
assert finds == ["pod-network", "with-host-net"]
assert asked["pod-network"] == asked["with-host-net"] != asked["host-network"]
proved("host-network asks another name server than the two others, and finds no Service")

# %% [markdown]
# The kubelet writes `/etc/resolv.conf`. With `hostNetwork` it takes `ClusterFirst` as `Default`: the name
# servers of the node, which know no Service
# ([`getPodDNSType` in `dns.go`](https://github.com/kubernetes/kubernetes/blob/v1.37.1/pkg/kubelet/network/dns/dns.go)).
# The DaemonSet still says `ClusterFirst`. The agent starts, is ready, and sends nothing: no column and no
# event of Kubernetes shows it.
#
# The cure is `ClusterFirstWithHostNet`. But an agent that must run before the cluster's name server does,
# such as a network plugin, stays with the node's. The field is in the Pod template, so the cure is a rollout.

# %%
policy = '{"spec": {"template": {"spec": {"dnsPolicy": "ClusterFirstWithHostNet"}}}}'
with record("agent", live=True) as change:
    # %kubectl patch daemonset agent -p '{policy}'
    wait_rollout("agent")
change.plot()

# %%
assert change.rollouts[-1].updated == len(fleet.workers)
proved("each Pod was replaced")

# %% [markdown]
# ## A folder that is not there
#
# A `hostPath` names a file or folder of the node, and `type` says what the kubelet checks before it starts
# the container. In each of these five agents the path does not exist. The second one is:

# %%
# %kubectl delete daemonset -l example=dns
from pathlib import Path

print(Path("../manifests/host-access/types.yaml").read_text().split("---\n")[1])

# %%
runs = predict(
    "host-path-types",
    "Five agents mount paths of the node that do not exist: one without a type, the others with "
    "Directory, DirectoryOrCreate, File and FileOrCreate. How many will run?",
    unit="agents",
)
runs

# %%
TYPES = ("no-type", "directory", "directory-or-create", "file", "file-or-create")


@step("types", needs="hostpath")
def types():
    """Five types of a hostPath, each of a path that is not there"""
    apply("../manifests/host-access/types.yaml")
    return wait_mounts(TYPES)


types

# %%
mounted = [name for name, problem in types.result.items() if not problem]
runs.compare(len(mounted), within=0, source=types.source)

# %%
assert mounted == ["no-type", "directory-or-create", "file-or-create"]
assert "is not a directory" in types.result["directory"]
assert "is not a file" in types.result["file"]
proved("the two types that create it run, and the one that checks nothing")

# %% [markdown]
# `Directory` and `File` refuse a missing path, and the Pod waits as ContainerCreating, with the event
# FailedMount
# ([`hostPath` types](https://kubernetes.io/docs/concepts/storage/volumes/#hostpath-volume-types)).
# Without a type the kubelet checks nothing, and the container runtime makes the folder.
#
# ### The mistake people make
#
# "OrCreate is safer: the agent always starts." If a node keeps its logs elsewhere, or the path has a typo,
# the agent reads an empty folder, and is ready. For a folder that the *node* fills, take `Directory`:
# the node with the fault is the one whose Pod waits. `DirectoryOrCreate` is for a folder that the *agent*
# fills, such as the positions of a log reader. It belongs to root, with mode 0755.
#
# ## A file that only some may read
#
# A log of the node belongs to root and to group 4, `adm`, with mode 0640. Three containers read it: as
# `root`, as `user` 10001, and as user 10001 with `group` 4. `fs-group` is user 10001 in a Pod with
# `fsGroup: 10001`.

# %%
# %kubectl delete daemonset -l example=types
readers = predict(
    "log-readers",
    "A file of the node belongs to root and group 4, with mode 0640. Which of these can read it: "
    "root, user 10001, user 10001 with group 4, user 10001 in a Pod with fsGroup: 10001?",
    choices=("root", "root and group 4", "root and fsGroup", "all but user", "all four"),
)
readers

# %%
READ = "head -n 1 /log/app.log"


@step("log-groups", needs=("exec", "hostpath"))
def groups():
    """Who can read a log of root and group 4"""
    apply("../manifests/host-access/readers.yaml")
    wait_rollout("readers")
    wait_rollout("fs-group")
    told = {who: shell("ds/readers", READ, container=who) for who in ("root", "user", "group")}
    told["fs-group"] = shell("ds/fs-group", f"{READ}; ls -lnd /log /scratch")
    return told | {"positions": shell("ds/readers", "touch /log/positions", container="user")}


# %%
who = ("root", "user", "group", "fs-group")
can = {one: {"the log": groups.result[one].startswith("line")} for one in who}
reads = [one for one in who if can[one]["the log"]]
answers = {2: "root and group 4", 1: "root", 3: "all but user", 4: "all four"}
readers.compare(answers[len(reads)], source=groups.source)
print(groups.label)
show(rights(can), title=f"Who can read the log. {readers.said}")

# %%
print(groups.result["fs-group"])

# %%
assert reads == ["root", "group"]
assert "Permission denied" in groups.result["user"]
log, scratch = (line.split() for line in groups.result["fs-group"].splitlines()[-2:])
assert (log[3], scratch[3]) == ("0", "10001")
proved("fsGroup became the group of the emptyDir, and not of the folder of the node")

# %% [markdown]
# A process reads the file as its owner, as a member of its group, or as anybody else. `runAsGroup` and
# `supplementalGroups` put it into a group. `fsGroup` does so too; for most volumes the kubelet
# also gives the files to that group, and for a `hostPath` it does not
# ([security context](https://kubernetes.io/docs/tasks/configure-pod-container/security-context/)).
#
# Look at your own nodes first, with `ls -ln`. containerd gives the logs in `/var/log/pods` to group 0, root
# ([#8920](https://github.com/containerd/containerd/issues/8920)): there an agent needs
# `supplementalGroups: [0]`. CRI-O wrote them for root alone until 2025
# ([#9013](https://github.com/cri-o/cri-o/issues/9013)).
#
# ## A log that is rotated
#
# The kubelet *rotates* a container's log: it renames the file when it has 10 MiB, and the runtime goes on in
# a new file of the old name. Four old files are kept, and all but the newest are compressed
# ([log rotation](https://kubernetes.io/docs/concepts/cluster-administration/logging/#log-rotation)).
# Two readers follow a log. `tail -f` follows the open file, `tail -F` the name. The log has one line, is
# renamed, and a new file gets a second line.

# %%
lost = predict(
    "rotated",
    "A log is renamed, and a new file of the old name gets the next line. tail -f follows the open "
    "file, tail -F the name. Which of the two shows the line in the new file?",
    choices=("who follows the file", "who follows the name", "both", "none"),
)
lost

# %%
START = "cd /tmp; rm -f *; echo one > log; tail -f log > file & tail -F log > name 2>/dev/null & "
FIRST = "until grep -q one file && grep -q one name; do usleep 100000; done; "
ROTATE = "mv log log.1; echo two > log; until grep -q two name; do usleep 100000; done; "


# %%
@step("rotated", needs="exec")
def rotated():
    """What two readers of a log have after it was renamed"""
    apply("../manifests/host-access/writes.yaml")
    wait_rollout("open")
    out = shell("ds/open", START + FIRST + ROTATE + "kill %1 %2; grep -c . file name")
    return dict(line.split(":") for line in out.splitlines()[-2:])


rotated

# %%
has_two = [name for name in ("file", "name") if rotated.result[name] == "2"]
right = "both" if len(has_two) == 2 else f"who follows the {has_two[0]}"
lost.compare(right, source=rotated.source)

# %%
assert rotated.result == {"file": "1", "name": "2"}
proved("who follows the open file misses the line in the new one")

# %% [markdown]
# Log agents follow names. They also remember the inode of each file, its number on the disk, so that they read
# a renamed file to its end. What was compressed while the agent was away is lost to an agent that reads no
# compressed files: an update of the agent is such a time.
#
# ## Where the agent may write
#
# > Use `readOnlyRootFilesystem: true`, and an `emptyDir` where the agent must write.
#
# `open` and `sealed` are the same agent; `sealed` has this line in its `securityContext`. Both have an
# `emptyDir` at `/tmp`.

# %%
places = predict(
    "places",
    "Of the agents open and sealed, sealed has readOnlyRootFilesystem: true. Both have an emptyDir "
    "at /tmp. At how many of the four places, /etc and /tmp of each, can they write?",
    unit="places",
)
places

# %%
PLACES = [(name, place) for name in ("open", "sealed") for place in ("/etc", "/tmp")]


@step("writes", needs="exec")
def writes():
    """What two agents say when they write"""
    apply("../manifests/host-access/writes.yaml")
    for name in ("open", "sealed"):
        wait_rollout(name)
    return {f"{n} {p}": shell(f"ds/{n}", f"touch {p}/x && echo written") for n, p in PLACES}


# %%
wrote = {place: answer == "written" for place, answer in writes.result.items()}
may = {name: {at: wrote[f"{name} {at}"] for at in ("/etc", "/tmp")} for name in ("open", "sealed")}
print(writes.label)
places.compare(sum(wrote.values()), within=0, source=writes.source)
show(rights(may), title=f"Where each agent can write. {places.said}")

# %% tags=["claim-C90"]
assert {place for place in wrote if wrote[place]} == {"open /etc", "open /tmp", "sealed /tmp"}
assert "Read-only file system" in writes.result["sealed /etc"]
proved("sealed cannot write to /etc, and can write to its emptyDir")

# %% [markdown]
# ## Check yourself

# %%
check = predict(
    "positions",
    "A log agent runs as user 10001 and keeps its positions in a hostPath of type DirectoryOrCreate, "
    "which the kubelet made on a new node. What will the agent say there?",
    choices=("nothing: it writes", "No such file or directory", "Permission denied", "FailedMount"),
)
check

# %%
[said] = [one for one in check.choices if groups.result["positions"].endswith(one)]
check.compare(said, source=groups.source)

# %% [markdown]
# `readers` has such a folder, and this is what its user 10001 was told. The folder belongs to root. An init
# container that runs as root can give it to the user.
#
# ## Your turn
#
# `shipper` reads the logs of its node in `/var/log/pods` and sends them to the Service `collector`. Those
# files belong to root and group 4, with mode 0640. Change its manifest:
#
# - it keeps the network of its node, and finds the Service by its name: with `dnsPolicy`;
# - it runs as user 10001, and still reads the logs; it cannot write to them;
# - a node without `/var/log/pods` shows itself: its Pod must not run there on an empty folder;
# - of its own files it can write to `/tmp` only.
#
# It stays the same DaemonSet, runs on all three workers, and needs nothing else of its node.

# %%
from daemonset_course.lessons import exercise

turn = exercise("host-access")
turn.start()

# %%
# %kubectl get daemonset shipper -o yaml

# %% [markdown]
# Between the quotes goes the whole manifest, or the part from `spec:` on that is to change;
# `kubectl` in a terminal does as well. `turn.hint()` gives one of three hints, `turn.solution()` a
# solution after you passed.

# %%
change = """
"""
turn.apply(change)

# %%
turn.check()

# %% [markdown]
# Back to the small fleet.

# %%
reset(workers=3)
None

# %% [markdown]
# ## What to take along
#
# - With `hostNetwork`, only `dnsPolicy: ClusterFirstWithHostNet` asks the cluster's name server.
# - `type: Directory` makes a missing folder visible; `DirectoryOrCreate` hides it.
# - A user that is not root reads the node's logs by their group. `fsGroup` changes no file of the node.
# - Follow a log by its name.
# - A read-only file system and an `emptyDir`: the agent writes where it must, and nowhere else.
