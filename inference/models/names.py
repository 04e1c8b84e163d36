"""Names and versions of models, in a registry's folders and in the protocol's numbers: pure."""

from __future__ import annotations

import re

from model.contract import ModelRef, Precision

_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TUNED = re.compile(r"\.t\d+$")
_INT8 = f"+{Precision.INT8}"


def is_safe(part: str) -> bool:
    """Whether a name or version may be that of a folder."""
    return _PART.fullmatch(part) is not None


def parse(text: str) -> ModelRef:
    """``name/version``.

    Raises:
        ValueError: It is none.
    """
    name, slash, version = text.partition("/")
    if not slash or not is_safe(name) or not is_safe(version.removesuffix(_INT8)):
        raise ValueError(f"{text[:200]!r} is not a model; write NAME/VERSION, as the list shows it")
    return ModelRef(name=name, version=version)


def shown(model: ModelRef) -> str:
    """``name/version``."""
    return f"{model.name}/{model.version}"


def at(name: str, version: str, precision: Precision) -> ModelRef:
    """How a bundle's network is called: the version tells which one answers."""
    return ModelRef(name=name, version=version if precision is Precision.FP32 else version + _INT8)


def split(model: ModelRef) -> tuple[ModelRef, Precision]:
    """The bundle of a model, and which of its networks answers."""
    if model.version.endswith(_INT8):
        bundle = ModelRef(name=model.name, version=model.version.removesuffix(_INT8))
        return bundle, Precision.INT8
    return model, Precision.FP32


def number(version: str) -> str:
    """The version as the Open Inference Protocol has it, whose clients take numbers only."""
    return "".join(filter(str.isdecimal, version)) or "0"


def tuned_version(version: str, tries: int) -> str:
    """A version for other thresholds: ``3``, ``3.t1``, ``3.t2``."""
    return f"{_TUNED.sub('', version)}.t{tries}"
