"""Figures: five shapes as plain data, one renderer a shape, one page, one theme.

The only part of the course that imports matplotlib; ``shapes`` and ``pods`` do not.
"""
