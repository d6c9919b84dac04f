"""Property tests judge what is computed, not how fast: a busy machine may be slow at an example."""

from hypothesis import settings

settings.register_profile("course", deadline=None)
settings.load_profile("course")
