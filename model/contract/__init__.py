"""The contract: labels, item facts, verdict, outcome and bundle manifest. Imports no torch."""

from model.contract.bundle import SHIPPED, Bundle, BundleError, Manifest, Precision
from model.contract.items import Identifier, ItemFacts
from model.contract.labels import GRADES, DamageType, Grade, GradeInterval
from model.contract.sorting import (
    BeltItem,
    Ending,
    LaneStatus,
    LineState,
    Outcome,
    Override,
)
from model.contract.verdict import (
    Assessment,
    Box,
    Damage,
    ModelRef,
    QualityIssue,
    ReviewReason,
    Timings,
    Verdict,
    ViewQuality,
)

__all__ = [
    "GRADES",
    "SHIPPED",
    "Assessment",
    "BeltItem",
    "Box",
    "Bundle",
    "BundleError",
    "Damage",
    "DamageType",
    "Ending",
    "Grade",
    "GradeInterval",
    "Identifier",
    "ItemFacts",
    "LaneStatus",
    "LineState",
    "Manifest",
    "ModelRef",
    "Outcome",
    "Override",
    "Precision",
    "QualityIssue",
    "ReviewReason",
    "Timings",
    "Verdict",
    "ViewQuality",
]
