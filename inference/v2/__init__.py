"""The Open Inference Protocol, version 2, over REST, as KServe and Triton define it.

``tensors``, ``messages``, ``model`` and ``compression`` are pure; ``routes`` does the I/O. Grading
goes through ``GradingService.admitted`` and ``GradingService.assess`` and nothing else.
"""
