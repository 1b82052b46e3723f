"""Unit tests run side by side with other work, so how long an example takes says nothing."""

from hypothesis import settings

settings.register_profile("unit", deadline=None)
settings.load_profile("unit")
