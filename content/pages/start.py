# %% [markdown]
# # Kubernetes DaemonSets, by doing
#
# For people who know Pods and Deployments. In each lesson you predict, a real Kubernetes control
# plane decides, and a picture shows what happened over time. In a lab you bring a prepared cluster
# into a better state, and a check judges what the cluster did.
#
# {length} Begin with lesson [start-here]. Come back here to see how far you
# are: click into the next cell and press Shift+Enter.

# %%
from daemonset_course.lessons import progress

progress()

# %% [markdown]
# A lesson is complete when all its predictions are made and its exercises are passed. A first answer
# is kept, so "right at first" counts what you knew before the run.
#
# **One notebook at a time.** All notebooks share one cluster: finish one before you run cells of
# another. Each lesson begins with `reset`. It refuses while a task of a lab runs, and says how to end it.
#
# ## Parts
#
# Minutes of a lesson are those of a careful learner, by the rates that the README states, with the
# measured time of the cluster. Minutes of a lab are an estimate.
#
# {parts}
# ## Paths
#
# You need not do everything:
#
# {paths}
#
# ## More
#
# {pages}
#
# ## Help
#
# - In a terminal of JupyterLab (File → New → Terminal) `course doctor` says what keeps the course from
#   running, and how to correct it. `course reset` brings the cluster back to its first state.
# - `course lessons list` says which notebooks you edited, `course lessons fresh 06` begins that lesson
#   afresh and keeps your version.
# - Your answers and results are files on this machine, in the course's state folder
#   (`~/.local/state/daemonset-course`, or `COURSE_HOME`). `course progress` prints what follows from
#   them, `course forget` removes them.
# - Is something wrong or unclear? Open an issue in the repository from which you have the course. Its
#   form asks for the output of `course doctor --json`, which names neither you nor your machine.
