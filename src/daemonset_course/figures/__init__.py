"""Figures: five shapes as plain data, a renderer for each shape, one page, one theme.

No other part of the course imports matplotlib; ``shapes`` and ``pods`` do not import it either.
"""
