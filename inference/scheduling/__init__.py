"""Which item is graded next, which is refused, and the threads that do the work."""

from inference.scheduling.schedule import Refusal, RefusedError
from inference.scheduling.terms import Deadline, Priority, Terms
from inference.scheduling.workers import Workers

__all__ = ["Deadline", "Priority", "Refusal", "RefusedError", "Terms", "Workers"]
