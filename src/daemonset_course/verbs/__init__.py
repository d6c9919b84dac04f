"""What a notebook does to the cluster, in kubectl's words."""
