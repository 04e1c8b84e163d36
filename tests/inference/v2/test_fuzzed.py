"""Hostile bytes at the parser of ``/v2``: an error of the protocol, or a request; nothing else."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from inference.errors import ApiError
from inference.v2.compression import decompress
from inference.v2.messages import parse
from inference.v2.model import items_of
from inference.v2.tensors import Datatype

MAX_IMAGES = 8
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
_SHAPE = st.lists(st.integers(-1, 9) | st.integers(0, 2**70) | st.booleans(), max_size=6)
_INPUT = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["images", "pixels", "other"]) | st.text(max_size=4),
        "datatype": st.sampled_from([each.value for each in Datatype] + ["STRING", ""]),
        "shape": _SHAPE | _JSON,
    },
    optional={
        "data": _JSON,
        "parameters": _JSON
        | st.fixed_dictionaries({"binary_data_size": st.integers(-2, 2**70) | _JSON}),
    },
)
_REQUEST = st.fixed_dictionaries(
    {"inputs": st.lists(_INPUT, max_size=3) | _JSON},
    optional={"id": _JSON, "outputs": _JSON, "parameters": _JSON, "more": _JSON},
)
_LENGTHS = st.none() | st.integers(-2, 4000).map(str) | st.text(max_size=6)


def reads(body: bytes, header_length: str | None) -> None:
    """As the route does with a body."""
    with suppress(ApiError):
        inference = parse(body, header_length)
        items_of(inference, MAX_IMAGES)


@settings(max_examples=300, deadline=None)
@given(body=st.binary(max_size=300), header_length=_LENGTHS)
@example(body=b"[" * 100_000, header_length=None)
@example(body=b'{"inputs":' * 50_000, header_length=None)
@example(body=b"1" * 5000, header_length=None)
@example(body=b"{}", header_length="\u0663")
def test_any_bytes(body: bytes, header_length: str | None) -> None:
    reads(body, header_length)


@settings(max_examples=300, deadline=None)
@given(request=_REQUEST, tail=st.binary(max_size=100), is_binary=st.booleans())
def test_any_document(request: Any, tail: bytes, is_binary: bool) -> None:
    head = json.dumps(request).encode()
    reads(head + tail, str(len(head)) if is_binary else None)


@settings(max_examples=200, deadline=None)
@given(
    data=st.binary(max_size=200),
    encoding=st.sampled_from(["gzip", "deflate", "identity", "br", ""]),
)
def test_any_compressed_body(data: bytes, encoding: str) -> None:
    with suppress(ApiError):
        assert len(decompress(data, encoding, 1000)) <= 1000
