"""From a submission to a stored verdict."""

from inference.grading.service import Graded, GradingService

__all__ = ["Graded", "GradingService"]
