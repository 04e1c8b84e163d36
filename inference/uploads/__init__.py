"""From the bytes of a request to what is to be graded, within limits that hold while they come."""

from inference.uploads.form import Picture
from inference.uploads.intake import Intake
from inference.uploads.submission import Submission, read_batch, read_submission

__all__ = ["Intake", "Picture", "Submission", "read_batch", "read_submission"]
