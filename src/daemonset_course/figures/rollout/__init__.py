"""The picture of a timeline: its data, and the drawings of it for notebooks and for files."""
