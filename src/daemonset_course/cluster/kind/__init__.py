"""The kind backend: real nodes in containers, with simulated ones added to them."""
