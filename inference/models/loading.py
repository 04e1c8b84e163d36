"""From a model in the registry to a grader that is ready to serve."""

from __future__ import annotations

from typing import Final, Protocol

from inference.grader import BundleGrader, Grader
from inference.models.trial import prove
from inference.settings import UploadLimits
from model.contract import Bundle, Precision
from model.contract.bundle import MANIFEST, sha256_of

MOST_VIEWS: Final = UploadLimits().max_images


class Loader(Protocol):
    """Makes graders. Blocking; called beside a server that grades."""

    def __call__(self, bundle: Bundle) -> Grader:
        """Load, prove and warm.

        Raises:
            BundleError: The bundle cannot serve.
        """


class Loading:
    """Loads for one server, and knows what gave its golden answers since that began.

    A bundle is known by its manifest, which has the hashes of all else; whoever reads a bundle from
    the registry verifies those anew.
    """

    def __init__(self) -> None:
        self._proved: set[tuple[str, Precision]] = set()

    def first(self, bundle: Bundle) -> Grader:
        """Load before the server listens.

        Raises:
            BundleError: The bundle cannot serve.
        """
        grader = BundleGrader(bundle, precision=bundle.precision)
        grader.verify()
        self._proved.add(_key(bundle))
        return _warmed(grader)

    def beside(self, bundle: Bundle) -> Grader:
        """Load without being in anybody's way: what was not proved yet is proved in another process.

        Raises:
            BundleError: The bundle cannot serve.
        """
        if _key(bundle) not in self._proved:
            prove(bundle, MOST_VIEWS)
            self._proved.add(_key(bundle))
        return _warmed(BundleGrader(bundle, precision=bundle.precision))


def _warmed(grader: Grader) -> Grader:
    """After the most views that an item has, the first item of fewer pays for nothing any more."""
    grader.warm(MOST_VIEWS)
    return grader


def _key(bundle: Bundle) -> tuple[str, Precision]:
    return sha256_of(bundle.path / MANIFEST), bundle.precision
