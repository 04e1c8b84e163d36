"""From a submission to a stored verdict."""

from inference.grading.service import Assessed, Graded, GradingService

__all__ = ["Assessed", "Graded", "GradingService"]
