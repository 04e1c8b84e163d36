"""Requests to infer and their replies, from and to bytes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import to_json as dump_json

from inference.errors import ApiError, ErrorCode
from inference.settings import MAX_JSON_BYTES
from inference.v2 import tensors
from inference.v2.tensors import Datatype, Tensor, malformed

HEADER_LENGTH: Final = "Inference-Header-Content-Length"
_NOT_SUPPORTED: Final = ("sequence_id", "sequence_start", "sequence_end", "priority")


class _Part(BaseModel):
    """The protocol lets senders add members and parameters of their own: these are ignored."""

    model_config = ConfigDict(frozen=True, strict=True)


class InputParameters(_Part):
    """How an input is sent."""

    binary_data_size: int | None = Field(
        default=None, ge=0, description="Its bytes after the JSON; `data` is left out then."
    )
    content_type: str | None = Field(
        default=None, description="`base64`: the strings of BYTES in `data` are base64, not UTF-8."
    )
    shared_memory_region: Any = Field(default=None, description="Not supported.")


_Dimension = Annotated[int, Field(ge=1, le=2**31 - 1)]


class InputTensor(_Part):
    """One input."""

    name: str
    shape: Annotated[list[_Dimension], Field(min_length=1, max_length=8)]
    datatype: Datatype
    parameters: InputParameters = InputParameters()
    data: Any = Field(default=None, description="Elements, flat or nested, row-major.")


class OutputParameters(_Part):
    """How an output is wanted."""

    binary_data: bool | None = Field(
        default=None, description="As bytes after the JSON; by default as the request says."
    )
    classification: int | None = Field(
        default=None, ge=1, description="Only so many of the highest, as `value:index:label`."
    )
    shared_memory_region: Any = Field(default=None, description="Not supported.")


class RequestedOutput(_Part):
    """One output that is wanted."""

    name: str
    parameters: OutputParameters = OutputParameters()


class RequestParameters(_Part):
    """What holds for the whole request."""

    binary_data_output: bool = Field(
        default=False, description="Outputs come as bytes after the JSON."
    )
    timeout: int | None = Field(
        default=None,
        ge=1,
        le=600_000_000,
        description="Microseconds from the start of the request.",
    )
    sequence_id: Any = Field(default=None, description="Not supported.")
    sequence_start: Any = Field(default=None, description="Not supported.")
    sequence_end: Any = Field(default=None, description="Not supported.")
    priority: Any = Field(default=None, description="Not supported.")


class InferRequest(_Part):
    """The JSON of a request to infer."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "1",
                "inputs": [
                    {
                        "name": "images",
                        "shape": [1, 1],
                        "datatype": "BYTES",
                        "parameters": {"content_type": "base64"},
                        "data": ["/9j/4AAQSkZJRg..."],
                    }
                ],
                "outputs": [{"name": "grade"}],
            }
        }
    )

    id: str | None = Field(default=None, description="Comes back in the reply.")
    parameters: RequestParameters = RequestParameters()
    inputs: Annotated[list[InputTensor], Field(min_length=1)]
    outputs: list[RequestedOutput] = Field(default=[], description="Left out or empty: all.")


@dataclass(frozen=True, slots=True)
class Inference:
    """A request to infer with its tensors."""

    request: InferRequest
    inputs: dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply in bytes."""

    body: bytes
    header_length: int | None
    """Length of its JSON where tensors follow it."""


def parse(body: bytes, header_length: str | None) -> Inference:
    """Read a request.

    Args:
        body: Uncompressed.
        header_length: The header ``Inference-Header-Content-Length``: the length of the JSON,
            which tensors follow in the order of the inputs. None: the body is all JSON.

    Raises:
        ApiError: The body is no such request, or asks for what is not supported.
    """
    json, binary = _parted(body, header_length)
    if len(json) > MAX_JSON_BYTES:
        raise ApiError(
            ErrorCode.BODY_TOO_LARGE,
            f"the JSON is over {MAX_JSON_BYTES:,} bytes; send large tensors in binary",
        )
    try:
        request = InferRequest.model_validate_json(bytes(json))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])[:200]
        raise malformed(first["msg"], field=place or None) from error
    _refuse_unsupported(request)
    return Inference(request, {each.name: each for each in _tensors(request, binary)})


def render(
    model: tuple[str, str],
    request_id: str | None,
    outputs: Sequence[tuple[Tensor, bool]],
    parameters: dict[str, str],
) -> Reply:
    """Write a reply.

    Args:
        model: Name and version.
        request_id: As the request had it.
        outputs: Tensors, each with whether it goes after the JSON as bytes.
        parameters: Of the reply.
    """
    described: list[dict[str, Any]] = []
    blobs: list[bytes] = []
    for tensor, binary in outputs:
        head: dict[str, Any] = {
            "name": tensor.name,
            "datatype": tensor.datatype,
            "shape": list(tensor.array.shape),
        }
        if binary:
            blobs.append(tensors.to_binary(tensor))
            head["parameters"] = {"binary_data_size": len(blobs[-1])}
        else:
            head["data"] = tensors.to_json(tensor)
        described.append(head)
    identity = {} if request_id is None else {"id": request_id}
    json = dump_json(
        {
            "model_name": model[0],
            "model_version": model[1],
            **identity,
            "parameters": parameters,
            "outputs": described,
        }
    )
    return Reply(b"".join((json, *blobs)), len(json) if blobs else None)


def _parted(body: bytes, header_length: str | None) -> tuple[memoryview, memoryview]:
    view = memoryview(body)
    if header_length is None:
        return view, view[:0]
    text = header_length.strip()
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        raise malformed("it must be the length of the JSON in bytes", field=HEADER_LENGTH)
    if int(text) > len(body):
        raise malformed(f"it is {text} and the body has {len(body)} bytes", field=HEADER_LENGTH)
    return view[: int(text)], view[int(text) :]


def _refuse_unsupported(request: InferRequest) -> None:
    for name in _NOT_SUPPORTED:
        if getattr(request.parameters, name) is not None:
            raise _unsupported(f"the parameter {name}")
    named: list[InputTensor | RequestedOutput] = [*request.inputs, *request.outputs]
    for each in named:
        if each.parameters.shared_memory_region is not None:
            raise _unsupported(f"shared memory, which {each.name[:100]} asks for,")
    for names in ([each.name for each in request.inputs], [each.name for each in request.outputs]):
        if len(set(names)) != len(names):
            raise malformed("a tensor is named twice")


def _unsupported(what: str) -> ApiError:
    return ApiError(ErrorCode.NOT_SUPPORTED, f"{what} is not supported by this server")


def _tensors(request: InferRequest, binary: memoryview) -> Iterator[Tensor]:
    for each in request.inputs:
        shape = tuple(each.shape)
        size = each.parameters.binary_data_size
        if (size is None) == (each.data is None):
            raise malformed("send either data or binary_data_size", field=each.name)
        if size is None:
            is_base64 = each.parameters.content_type == "base64"
            yield tensors.from_json(each.name, each.datatype, shape, each.data, is_base64=is_base64)
            continue
        if size > len(binary):
            raise malformed(
                f"it has {size} bytes and only {len(binary)} are left in the body", field=each.name
            )
        yield tensors.from_binary(each.name, each.datatype, shape, binary[:size])
        binary = binary[size:]
    if binary:
        raise malformed(f"{len(binary)} bytes after the last tensor")
