"""The protocol's bytes: what is read is what was sent, and whatever else comes is refused."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import np_to_triton_dtype

from inference.errors import ERRORS, ApiError, ErrorCode
from inference.v2.compression import compress, decompress
from inference.v2.messages import Reply, parse, render
from inference.v2.tensors import Datatype, Tensor

KINDS = [kind for kind in Datatype if kind is not Datatype.BYTES]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=12,
)


@st.composite
def arrays(draw: st.DrawFn, *, text: bool) -> NDArray[Any]:
    """Of any datatype; BYTES are text where they must travel in JSON."""
    shape = draw(npst.array_shapes(max_dims=4, max_side=4))
    kind = draw(st.sampled_from([*KINDS, Datatype.BYTES]))
    if kind is Datatype.BYTES:
        element = st.text(max_size=8).map(str.encode) if text else st.binary(max_size=8)
        flat = draw(st.lists(element, min_size=int(np.prod(shape)), max_size=int(np.prod(shape))))
        array = np.empty(len(flat), np.object_)
        array[:] = flat
        return array.reshape(shape)
    elements = npst.from_dtype(kind.dtype, allow_nan=False, allow_infinity=False)
    return draw(npst.arrays(kind.dtype, shape, elements=elements))


def sent(array: NDArray[Any], *, binary: bool) -> tuple[bytes, int | None]:
    """A request as the released client writes it."""
    each = InferInput("x", list(array.shape), np_to_triton_dtype(array.dtype))
    each.set_data_from_numpy(array, binary_data=binary)
    body, length = InferenceServerClient.generate_request_body([each], request_id="7")
    return body, length


@given(arrays(text=False))
def test_a_binary_request_of_the_released_client_is_read_exactly(array: NDArray[Any]) -> None:
    body, length = sent(array, binary=True)
    inference = parse(body, str(length))
    assert inference.request.id == "7"
    assert inference.request.parameters.binary_data_output
    np.testing.assert_array_equal(inference.inputs["x"].array, array)


@given(arrays(text=True))
def test_a_json_request_of_the_released_client_is_read_exactly(array: NDArray[Any]) -> None:
    body, length = sent(array, binary=False)
    assert length is None
    np.testing.assert_array_equal(parse(body, None).inputs["x"].array, array)


@given(arrays(text=True), st.booleans())
def test_a_reply_is_read_by_the_released_client_exactly(array: NDArray[Any], binary: bool) -> None:
    kind = np_to_triton_dtype(array.dtype)
    reply = written(Tensor("y", Datatype(kind), array), binary=binary)
    result = InferenceServerClient.parse_response_body(
        reply.body, header_length=reply.header_length
    )
    found = result.as_numpy("y")
    assert found.shape == array.shape
    # The client gives BYTES that came as JSON as text.
    elements = [each.encode() if isinstance(each, str) else each for each in found.ravel()]
    assert elements == array.ravel().tolist()
    assert result.get_response()["id"] == "7"


def written(*tensors: Tensor, binary: bool) -> Reply:
    return render(("m", "1"), "7", [(tensor, binary) for tensor in tensors], {})


def test_binary_tensors_follow_in_the_order_of_the_inputs() -> None:
    inputs = [InferInput(name, [2], "UINT8") for name in ("b", "a", "c")]
    for number, each in enumerate(inputs):
        values = np.array([number, number + 10], np.uint8)
        each.set_data_from_numpy(values, binary_data=each.name() != "a")
    body, length = InferenceServerClient.generate_request_body(
        inputs, outputs=[InferRequestedOutput("z", class_count=3)]
    )
    inference = parse(body, str(length))
    found = {name: tensor.array.tolist() for name, tensor in inference.inputs.items()}
    assert found == {"b": [0, 10], "a": [1, 11], "c": [2, 12]}
    assert inference.request.outputs[0].parameters.classification == 3


def test_an_input_is_not_copied() -> None:
    body, length = sent(np.zeros((64, 64), np.uint8), binary=True)
    array = parse(body, str(length)).inputs["x"].array
    assert not array.flags.owndata
    assert not array.flags.writeable


def refusal(body: bytes, header_length: str | None) -> ApiError | None:
    """What the parser says; anything but an error for the sender is a defect."""
    try:
        parse(body, header_length)
    except ApiError as error:
        return error
    return None


@given(st.binary(max_size=200), st.none() | st.integers(-5, 300).map(str) | st.text(max_size=4))
def test_any_bytes_are_read_or_refused(body: bytes, header_length: str | None) -> None:
    refused = refusal(body, header_length)
    assert refused is not None
    assert ERRORS[refused.code].status == 400


@given(
    st.fixed_dictionaries(
        {
            "inputs": st.lists(
                st.fixed_dictionaries(
                    {},
                    optional={
                        "name": st.sampled_from(["x", "y"]) | JSON,
                        "shape": st.lists(st.integers(-1, 3), max_size=3) | JSON,
                        "datatype": st.sampled_from([*Datatype]) | JSON,
                        "data": JSON,
                        "parameters": JSON
                        | st.dictionaries(
                            st.sampled_from(["binary_data_size", "content_type"]),
                            st.integers(-1, 20) | st.just("base64"),
                        ),
                    },
                ),
                max_size=3,
            )
            | JSON
        },
        optional={"id": JSON, "outputs": JSON, "parameters": JSON},
    ),
    st.binary(max_size=20),
)
def test_any_json_is_read_or_refused(document: dict[str, Any], tail: bytes) -> None:
    text = json.dumps(document).encode()
    refused = refusal(text + tail, str(len(text)))
    assert refused is None or ERRORS[refused.code].status in (400, 501)


@given(arrays(text=False), st.data())
def test_a_damaged_request_is_read_or_refused(array: NDArray[Any], data: st.DataObject) -> None:
    body, length = sent(array, binary=True)
    damaged = bytearray(body)
    damaged[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    refused = refusal(bytes(damaged), str(length))
    assert refused is None or ERRORS[refused.code].status in (400, 501)
    cut = refusal(body[: data.draw(st.integers(0, len(body) - 1))], str(length))
    assert cut is not None
    assert ERRORS[cut.code].status == 400


def request(**tensor: Any) -> bytes:
    whole = {"name": "x", "shape": [2], "datatype": "UINT8", "data": [1, 2], **tensor}
    return json.dumps({"inputs": [{k: v for k, v in whole.items() if v is not None}]}).encode()


@pytest.mark.parametrize(
    ("tensor", "says"),
    [
        ({"data": [1, 256]}, "UINT8 holds 0 to 255"),
        ({"data": [1, -1]}, "UINT8 holds 0 to 255"),
        ({"data": [1, True]}, "no UINT8"),
        ({"data": [1, 2.0]}, "no UINT8"),
        ({"data": [1]}, r"shape \[2\] takes 2 elements and data has 1"),
        ({"data": [[1, 2]]}, "no UINT8|nested otherwise"),
        ({"shape": [2, 1], "data": [[1], 2]}, "nested otherwise"),
        ({"shape": []}, "at least 1 item"),
        ({"shape": [0]}, "greater than or equal to 1"),
        ({"shape": [2.0]}, "valid integer"),
        ({"shape": [10**400]}, "less than or equal to"),
        ({"datatype": "BF16"}, "Input should be 'BOOL'"),
        ({"datatype": "FP16", "data": [1, 70000]}, "FP16 holds"),
        ({"datatype": "BOOL"}, "no BOOL"),
        ({"datatype": "BYTES"}, "strings"),
        (
            {
                "datatype": "BYTES",
                "data": ["!", "?"],
                "parameters": {"content_type": "base64"},
            },
            "not base64",
        ),
        ({"data": None}, "either data or binary_data_size"),
        ({"parameters": {"binary_data_size": 2}}, "either data or binary_data_size"),
        ({"data": None, "parameters": {"binary_data_size": 2}}, "only 0 are left"),
    ],
)
def test_a_tensor_that_is_wrong_says_how(tensor: dict[str, Any], says: str) -> None:
    with pytest.raises(ApiError, match=says) as refused:
        parse(request(**tensor), None)
    assert refused.value.code is ErrorCode.MALFORMED_INFERENCE


def test_nesting_that_is_deep_is_refused_and_not_followed() -> None:
    deep = b'{"inputs": ' + b"[" * 100_000
    refused = refusal(deep, None)
    assert refused is not None
    assert refused.code is ErrorCode.MALFORMED_INFERENCE


def test_a_size_that_is_claimed_is_not_allocated() -> None:
    text = request(shape=[2**20, 2**20], data=None, parameters={"binary_data_size": 2})
    refused = refusal(text + b"ab", str(len(text)))
    assert refused is not None
    assert "takes 1099511627776 bytes and 2 were sent" in refused.message


@pytest.mark.parametrize(
    "parameters",
    [
        {"sequence_id": 1},
        {"sequence_start": True},
        {"priority": 2},
    ],
)
def test_what_is_not_supported_is_501(parameters: dict[str, Any]) -> None:
    document = json.loads(request()) | {"parameters": parameters}
    refused = refusal(json.dumps(document).encode(), None)
    assert refused is not None
    assert refused.kind.status == 501


def test_shared_memory_is_501() -> None:
    refused = refusal(request(parameters={"shared_memory_region": "r"}), None)
    assert refused is not None
    assert refused.kind.status == 501


def test_parameters_of_others_are_ignored() -> None:
    assert refusal(request(parameters={"their_own": {"a": 1}}), None) is None


@given(st.binary(max_size=300), st.sampled_from(["gzip", "deflate"]))
def test_compressed_bodies_come_out_as_they_were(data: bytes, encoding: str) -> None:
    packed, used = compress(data, f"br;q=1.0, {encoding}")
    assert used == encoding
    assert decompress(packed, encoding, 300) == data


@pytest.mark.parametrize("accepted", [None, "", "br", "gzip;q=0", "identity"])
def test_a_reply_is_compressed_only_where_that_is_wanted(accepted: str | None) -> None:
    assert compress(b"data", accepted) == (b"data", None)


@pytest.mark.parametrize(
    ("data", "encoding", "status"),
    [
        (gzip.compress(bytes(1001), mtime=0), "gzip", 413),
        (zlib.compress(bytes(10**7)), "deflate", 413),
        (gzip.compress(b"abc", mtime=0)[:-3], "gzip", 400),
        (gzip.compress(b"abc", mtime=0) + b"x", "gzip", 400),
        (b"abc", "gzip", 400),
        (b"abc", "br", 415),
        (b"abc", "gzip, gzip", 415),
    ],
)
def test_a_body_that_does_not_decompress_is_refused(
    data: bytes, encoding: str, status: int
) -> None:
    with pytest.raises(ApiError) as refused:
        decompress(data, encoding, 1000)
    assert refused.value.kind.status == status


@given(st.binary(max_size=100), st.sampled_from(["gzip", "deflate"]))
def test_any_compressed_bytes_are_read_or_refused(data: bytes, encoding: str) -> None:
    with pytest.raises(ApiError) as refused:
        decompress(data, encoding, 1000)
    assert refused.value.kind.status == 400
