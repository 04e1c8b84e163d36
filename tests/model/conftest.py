"""Fixtures of the contract's tests."""

import pytest

from model.contract import Manifest
from tests.model.manifests import tiny_manifest


@pytest.fixture
def manifest() -> Manifest:
    return tiny_manifest()
