"""From a model in the registry to a grader that is ready to serve."""

from __future__ import annotations

import time
from typing import Final, Protocol

from inference.grader import BundleGrader, Grader
from inference.models.trial import prove
from inference.settings import UploadLimits
from model.contract import Bundle

MOST_VIEWS: Final = UploadLimits().max_images
#: A warm-up rests this many times as long as it works, and leaves the cores to the line.
_REST = 9.0


class Loader(Protocol):
    """Makes graders. Blocking; called beside a server that grades."""

    def __call__(self, bundle: Bundle) -> Grader:
        """Load, prove and warm.

        Raises:
            BundleError: The bundle cannot serve.
        """


def load_beside(bundle: Bundle) -> Grader:
    """Load without being in anybody's way: proved in another process, warmed with rests.

    Raises:
        BundleError: The bundle cannot serve.
    """
    prove(bundle, MOST_VIEWS)
    grader = BundleGrader(bundle, precision=bundle.precision)
    for views in range(1, MOST_VIEWS + 1):
        began_s = time.perf_counter()
        grader.warm(views)
        time.sleep(_REST * (time.perf_counter() - began_s))
    return grader


def load_first(bundle: Bundle) -> Grader:
    """Load before the server listens.

    Raises:
        BundleError: The bundle cannot serve.
    """
    grader = BundleGrader(bundle, precision=bundle.precision)
    grader.verify()
    for views in range(1, MOST_VIEWS + 1):
        grader.warm(views)
    return grader
