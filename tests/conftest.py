"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

# A deadline for each example fails on a machine that is busy; how long a test may take pytest's timeout says.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
