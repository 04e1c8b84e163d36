"""The contract: labels, item facts, verdict, outcome and bundle manifest. Imports no torch."""

from model.contract.alarms import Alarm, AlarmPriority, AlarmState
from model.contract.bundle import SHIPPED, Bundle, BundleError, Manifest, Precision
from model.contract.commands import (
    CommandKind,
    CommandResult,
    CommandStatus,
    LaneClosure,
    LineCommand,
    OpenCommand,
    OpenCommands,
)
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
    "Alarm",
    "AlarmPriority",
    "AlarmState",
    "Assessment",
    "BeltItem",
    "Box",
    "Bundle",
    "BundleError",
    "CommandKind",
    "CommandResult",
    "CommandStatus",
    "Damage",
    "DamageType",
    "Ending",
    "Grade",
    "GradeInterval",
    "Identifier",
    "ItemFacts",
    "LaneClosure",
    "LaneStatus",
    "LineCommand",
    "LineState",
    "Manifest",
    "ModelRef",
    "OpenCommand",
    "OpenCommands",
    "Outcome",
    "Override",
    "Precision",
    "QualityIssue",
    "ReviewReason",
    "Timings",
    "Verdict",
    "ViewQuality",
]
