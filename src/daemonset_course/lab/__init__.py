"""Labs: tasks with a prepared cluster, and checks of what the cluster did."""
