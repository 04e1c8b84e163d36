"""The bundle as the protocol shows it: names, tensors, and what an assessment is in them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np

from inference.errors import ApiError, ErrorCode
from inference.grader import Grader
from inference.models.names import number
from inference.v2.messages import Inference, InferRequest, RequestedOutput
from inference.v2.tensors import Datatype, Tensor, malformed
from model.contract import GRADES, Assessment, DamageType, ModelRef
from model.pictures import Pixels

PLATFORM: Final = "onnx_onnxv1"
MAX_ITEMS: Final = 8
"""Items in one request."""

Views = Sequence[bytes | Pixels]


@dataclass(frozen=True, slots=True)
class Spec:
    """One input or output; a shape begins with the number of items, and -1 is any size."""

    name: str
    datatype: Datatype
    shape: tuple[int, ...]


INPUTS: Final = (
    Spec("images", Datatype.BYTES, (-1, -1)),
    Spec("pixels", Datatype.UINT8, (-1, -1, -1, -1, 3)),
)
"""A request has one of the two: picture files as (items, views), or RGB as (items, views, H, W, 3)."""


@dataclass(frozen=True, slots=True)
class Output:
    """One output: a row for each item."""

    name: str
    datatype: Datatype
    labels: tuple[str, ...]
    """One for each element of the row."""
    row: Callable[[Assessment], Sequence[Any]]

    @property
    def spec(self) -> Spec:
        """As metadata show it."""
        return Spec(self.name, self.datatype, (-1, len(self.labels)))

    def tensor(self, assessments: Sequence[Assessment]) -> Tensor:
        """Rows of all items, (items, elements)."""
        array = np.array([self.row(each) for each in assessments], self.datatype.dtype)
        return Tensor(self.name, self.datatype, array)

    def classified(self, assessments: Sequence[Assessment], count: int) -> Tensor:
        """The highest of each row as BYTES ``value:index:label``, (items, min(count, elements))."""
        values = self.tensor(assessments).array
        best = np.argsort(-values, axis=1, kind="stable")[:, :count]
        rows = [
            [f"{row[at]:f}:{at}:{self.labels[at]}".encode() for at in order]
            for row, order in zip(values, best, strict=True)
        ]
        return Tensor(self.name, Datatype.BYTES, np.array(rows, Datatype.BYTES.dtype))


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model that answers."""

    grader: Grader

    @property
    def ref(self) -> ModelRef:
        """Name and version of the bundle."""
        return self.grader.model

    @property
    def damage_types(self) -> tuple[DamageType, ...]:
        """In the order of the output."""
        return self.grader.damage_types

    @property
    def name(self) -> str:
        """The bundle's."""
        return self.ref.name

    @property
    def version(self) -> str:
        """Clients take numbers only: the digits of the bundle's version."""
        return number(self.ref.version)

    @property
    def outputs(self) -> tuple[Output, ...]:
        """All of them, in the order of a reply."""
        types = self.damage_types
        return (
            Output("grade", Datatype.BYTES, ("grade",), lambda a: [a.grade.value.encode()]),
            Output(
                "probabilities",
                Datatype.FP32,
                GRADES,
                lambda a: [a.probabilities[g] for g in GRADES],
            ),
            Output(
                "prediction_set",
                Datatype.BOOL,
                GRADES,
                lambda a: [g in a.prediction_set for g in GRADES],
            ),
            Output("expected_cost", Datatype.FP32, ("cost",), lambda a: [a.expected_cost]),
            Output(
                "damage_probabilities",
                Datatype.FP32,
                types,
                lambda a: [a.damage_probabilities[t] for t in types],
            ),
            Output("unfamiliarity", Datatype.FP32, ("unfamiliarity",), lambda a: [a.unfamiliarity]),
            Output("needs_review", Datatype.BOOL, ("needs_review",), lambda a: [a.needs_review]),
            Output(
                "assessment",
                Datatype.BYTES,
                ("assessment",),
                lambda a: [a.model_dump_json().encode()],
            ),
        )

    @classmethod
    def named(cls, served: Sequence[Self], name: str, version: str | None) -> Self:
        """The model that an address names; without a version the first of its name.

        Raises:
            ApiError: It is none of those that are served.
        """
        of_name = [each for each in served if each.name == name]
        if not of_name:
            names = ", ".join(dict.fromkeys(repr(each.name) for each in served))
            raise ApiError(
                ErrorCode.UNKNOWN_MODEL,
                f"there is no model {name[:100]!r}; what is served is {names}",
            )
        for each in of_name:
            if version in (None, each.version):
                return each
        versions = ", ".join(each.version for each in of_name)
        raise ApiError(
            ErrorCode.UNKNOWN_MODEL,
            f"{name} has no version {version}; what is served is {versions}",
        )


def items_of(inference: Inference, max_views: int) -> list[Views]:
    """The pictures of each item.

    Raises:
        ApiError: The inputs are not those of the model.
    """
    known = {spec.name: spec for spec in INPUTS}
    if len(inference.inputs) != 1 or not set(inference.inputs) <= set(known):
        raise malformed(f"send one input, {' or '.join(known)}", field="inputs")
    (tensor,) = inference.inputs.values()
    spec, array = known[tensor.name], tensor.array
    if tensor.datatype is not spec.datatype:
        raise malformed(f"it is {spec.datatype}, not {tensor.datatype}", field=spec.name)
    if array.ndim != len(spec.shape) or any(
        wanted not in (-1, found) for wanted, found in zip(spec.shape, array.shape, strict=True)
    ):
        raise malformed(
            f"its shape is {list(spec.shape)}, not {list(array.shape)}; the first two are items and "
            "the views of each",
            field=spec.name,
        )
    items, views = array.shape[:2]
    if items > MAX_ITEMS or views > max_views:
        raise malformed(
            f"{items} items of {views} views; send at most {MAX_ITEMS} of {max_views}",
            field=spec.name,
        )
    return [list(item) for item in array]


@dataclass(frozen=True, slots=True)
class Wanted:
    """An output as a request asks for it."""

    output: Output
    classes: int | None
    binary: bool

    def tensor(self, assessments: Sequence[Assessment]) -> Tensor:
        """Its rows, or the classes of each."""
        if self.classes is None:
            return self.output.tensor(assessments)
        return self.output.classified(assessments, self.classes)


def wanted_outputs(model: ServedModel, request: InferRequest) -> list[Wanted]:
    """The outputs that a request asks for, known before anything is graded.

    Raises:
        ApiError: An output is not known, or has no classes.
    """
    known = {output.name: output for output in model.outputs}
    wanted = []
    for each in request.outputs or [RequestedOutput(name=name) for name in known]:
        output = known.get(each.name)
        if output is None:
            raise malformed(
                f"there is no output {each.name[:100]!r}; there are {', '.join(known)}",
                field="outputs",
            )
        classes, binary = each.parameters.classification, each.parameters.binary_data
        if classes is not None and output.datatype is not Datatype.FP32:
            raise malformed(
                f"classification needs FP32, and it is {output.datatype}", field=output.name
            )
        default = request.parameters.binary_data_output
        wanted.append(Wanted(output, classes, default if binary is None else binary))
    return wanted
