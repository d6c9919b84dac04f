# %% [markdown]
# # Playground
#
# Choose a fleet, an update strategy and a budget. Predict how long a rollout takes, and how few
# nodes have an available Pod meanwhile. Then roll, and compare: with your prediction, and with the
# run before it.
#
# You know rolling updates (lesson [rolling-update]). The playground resets the cluster
# before each run, so leave your lessons and labs first. A lab task that runs in another notebook is
# not ended: the playground says so, and does nothing.

# %%
from daemonset_course import proved, reset
from daemonset_course.lessons import playground

play = playground()
play

# %% [markdown]
# - **Roll** sets up the fleet with the old template, then applies the new one. It returns at once,
#   and you can go on in other cells meanwhile: for example `%kubectl get pods -o wide`.
# - **Stop** ends the run. In the cluster the rollout goes on.
# - **Reset** brings the cluster back to its state after `course up`, and forgets the runs.
#
# A value that is not possible is refused below its field. Where the API server refuses it, you read
# the server's own words.
#
# ## From a cell
#
# `roll`, `stop` and `reset` do what the buttons do. `wait` returns the run when it has ended.

# %%
play.roll(nodes=4, max_unavailable=2, start=1, stop=0, lowest=2)
trial = play.wait()
trial

# %%
assert trial.ended == "done"
assert trial.lowest == 2
assert trial.comparisons()["lowest"].right
proved("the run was done, and at the lowest two nodes had an available Pod, as predicted")

# %% [markdown]
# Bring the cluster back to its first state; your runs stay on the panel.

# %%
reset()

# %% [markdown]
# ## Things to try
#
# - Double the budget. By how much does the rollout get shorter?
# - Set `maxUnavailable` to 0 and `maxSurge` to 1. How few nodes have an available Pod now?
# - Set both to 0, then both to 1. Which rule does the API server name?
# - Let one node be unreachable. With which budgets does the rollout reach the other nodes?
# - Give the new template a bad image. How many nodes lose their Pod before the rollout stands still?
# - Choose `OnDelete`, roll, and delete Pods from a cell while it runs.
