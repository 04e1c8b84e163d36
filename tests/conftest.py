"""Settings of all tests."""

from hypothesis import HealthCheck, settings

# A busy machine is slow at making examples too, which says nothing of the code.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")
