"""Figures: five shapes as plain data, a renderer for each shape, one page, one theme.

No other part of the course imports matplotlib. The modules that hold data alone, and those that
write HTML (``rollout/inline.py``), do not import it either.
"""
