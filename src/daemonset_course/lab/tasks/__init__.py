"""The labs, one module each; ``lab.LABS`` has their names."""
