"""What the protocol says of server and model: metadata, configuration, statistics, index."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, Literal, Self

from pydantic import BaseModel, Field

from inference.v2.model import INPUTS, MAX_ITEMS, PLATFORM, ServedModel, Spec
from inference.v2.statistics import AllStatistics, InferenceStatistics
from inference.v2.tensors import Datatype

EXTENSIONS = ("binary_tensor_data", "classification", "model_configuration", "statistics")


class InferenceError(BaseModel):
    """Every reply of the protocol that is not a success."""

    error: str = Field(description="What was wrong and what to do, for a person.")


class Ready(BaseModel):
    """Yes."""

    ready: bool = True


class ServerLive(BaseModel):
    """Yes."""

    live: bool = True


class ServerMetadata(BaseModel):
    """Which server this is."""

    name: str = "regrade"
    version: str = version("regrade")
    extensions: tuple[str, ...] = EXTENSIONS


class TensorMetadata(BaseModel):
    """One input or output; -1 is any size."""

    name: str
    datatype: Datatype
    shape: tuple[int, ...]

    @classmethod
    def of(cls, spec: Spec) -> Self:
        """In the protocol's words."""
        return cls(name=spec.name, datatype=spec.datatype, shape=spec.shape)


class ModelMetadata(BaseModel):
    """The model that is served."""

    name: str
    versions: tuple[str, ...] = Field(description="Digits of the bundle's version.")
    platform: str = PLATFORM
    inputs: tuple[TensorMetadata, ...]
    outputs: tuple[TensorMetadata, ...]

    @classmethod
    def of(cls, model: ServedModel) -> Self:
        """Of one version."""
        return cls(
            name=model.name,
            versions=(model.version,),
            inputs=tuple(TensorMetadata.of(spec) for spec in INPUTS),
            outputs=tuple(TensorMetadata.of(output.spec) for output in model.outputs),
        )


class TensorConfig(BaseModel):
    """One input or output without the dimension of items."""

    name: str
    data_type: str
    dims: tuple[int, ...]

    @classmethod
    def of(cls, spec: Spec) -> Self:
        """In the configuration's words."""
        kind = "STRING" if spec.datatype is Datatype.BYTES else spec.datatype
        return cls(name=spec.name, data_type=f"TYPE_{kind}", dims=spec.shape[1:])


class InputConfig(TensorConfig):
    """An input: a request has one of them."""

    optional: bool = True


class ModelConfig(BaseModel):
    """The configuration, as Triton's clients read it."""

    name: str
    platform: str = "onnxruntime_onnx"
    backend: str = "onnxruntime"
    max_batch_size: int = Field(default=MAX_ITEMS, description="Items in one request.")
    input: tuple[InputConfig, ...]
    output: tuple[TensorConfig, ...]
    parameters: dict[str, dict[str, str]] = Field(description="`bundle_version` of the bundle.")

    @classmethod
    def of(cls, model: ServedModel) -> Self:
        """Of one model."""
        return cls(
            name=model.name,
            input=tuple(InputConfig.of(spec) for spec in INPUTS),
            output=tuple(TensorConfig.of(output.spec) for output in model.outputs),
            parameters={"bundle_version": {"string_value": model.ref.version}},
        )


class ModelStatistics(BaseModel):
    """What the protocol asked of a model since the server started."""

    name: str
    version: str
    last_inference: int = Field(description="Unix time in ms of the last success; 0: none.")
    inference_count: int = Field(description="Items.")
    execution_count: int = Field(description="Runs of the network: one for each item.")
    inference_stats: InferenceStatistics
    batch_stats: tuple[str, ...] = Field(default=(), description="Always empty.")


class StatisticsReply(BaseModel):
    """Statistics of models."""

    model_stats: tuple[ModelStatistics, ...]

    @classmethod
    def of(cls, models: Sequence[ServedModel], statistics: AllStatistics) -> Self:
        """Of some models."""
        return cls(
            model_stats=tuple(
                ModelStatistics(
                    name=model.name,
                    version=model.version,
                    last_inference=asked.last_inference_ms,
                    inference_count=asked.items,
                    execution_count=asked.items,
                    inference_stats=asked.times,
                )
                for model in models
                for asked in (statistics.of(model.ref),)
            )
        )


class IndexEntry(BaseModel):
    """One model of the repository."""

    name: str
    version: str
    state: Literal["READY", "UNAVAILABLE"]
    reason: str = Field(description="Why it is not ready; empty where it is.")


class OutputDocument(BaseModel):
    """One output of a reply to infer."""

    name: str
    datatype: Datatype
    shape: tuple[int, ...]
    parameters: dict[str, int] | None = Field(
        default=None, description="`binary_data_size`, where its bytes follow the JSON."
    )
    data: list[Any] | None = Field(default=None, description="Elements, flat, row-major.")


class InferReply(BaseModel):
    """A reply to infer, without the bytes that may follow it."""

    model_name: str
    model_version: str
    id: str | None = Field(default=None, description="As the request had it.")
    parameters: dict[str, str] = Field(description="`bundle_version` that answered.")
    outputs: tuple[OutputDocument, ...]
