"""The rubric turns native labels into grade intervals and damage types."""

from pathlib import Path

import pytest

from datasets.exporters.words import SECTION
from datasets.rubric import Rubric, RubricError
from datasets.sources import SOURCES
from model.contract import DamageType, Grade, GradeInterval

RUBRIC = Rubric.load()


def test_the_shipped_rubric_knows_every_source() -> None:
    assert {source.name for source in SOURCES} <= set(RUBRIC.sources)


@pytest.mark.parametrize(
    ("labels", "best", "worst"),
    [
        (["minor-dent"], Grade.LIGHTLY_USED, Grade.LIGHTLY_USED),
        (["minor-dent", "moderate-scratch"], Grade.REPAIRABLE, Grade.REPAIRABLE),
        (["moderate-dent", "severe-broken"], Grade.REPAIRABLE, Grade.SALVAGE),
    ],
)
def test_the_worst_damage_decides_the_grade(labels: list[str], best: Grade, worst: Grade) -> None:
    assert RUBRIC.judge("vehicle_damage", labels).grade == GradeInterval(best=best, worst=worst)


def test_an_exhaustive_source_denies_what_it_does_not_mark_and_leaves_the_rest_unknown() -> None:
    judgement = RUBRIC.judge("vehicle_damage", ["minor-dent"])
    assert judgement.present == (DamageType.DENT,)
    assert judgement.absent == (DamageType.SCRATCH, DamageType.BROKEN)


def test_damaged_without_a_severity_says_only_not_new() -> None:
    judgement = RUBRIC.judge("parcels", ["damaged"])
    assert judgement.grade == GradeInterval(best=Grade.LIGHTLY_USED, worst=Grade.SALVAGE)
    assert judgement.present == judgement.absent == ()


def test_no_label_says_nothing() -> None:
    judgement = RUBRIC.judge("vehicle_damage", [])
    assert (judgement.grade, judgement.present, judgement.absent) == (None, (), ())


def test_a_new_item_shows_no_damage() -> None:
    """Except in our own exports, which say of each type what was said before."""
    for name, source in RUBRIC.sources.items():
        if name == SECTION:
            continue
        for label, meaning in source.labels.items():
            if meaning.grade is Grade.NEW:
                judgement = RUBRIC.judge(name, [label])
                assert set(judgement.absent) == set(DamageType), f"{name}.{label}"


def test_unknown_sources_and_labels_are_named() -> None:
    with pytest.raises(RubricError, match="no source 'boats'"):
        RUBRIC.judge("boats", ["holed"])
    with pytest.raises(RubricError, match="no label 'dusty' for the source 'toys'"):
        RUBRIC.judge("toys", ["dusty"])


def test_an_unknown_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rubric.toml"
    path.write_text(
        '[a]\ncategory = "toy"\nlicence = "x"\nlabelled_by = "y"\n'
        '[a.labels.b]\ngrade = "new"\nweight = 3\n'
    )
    with pytest.raises(RubricError, match="weight"):
        Rubric.load(path)


def _one_source(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "rubric.toml"
    path.write_text('[a]\ncategory = "toy"\nlicence = "x"\nlabelled_by = "y"\n' + text)
    return path


def test_what_it_means_to_have_no_label_is_the_sources_to_say(tmp_path: Path) -> None:
    text = 'exhaustive_for = ["dent"]\nunlabelled = { grade = "new" }\n[a.labels]\n'
    judgement = Rubric.load(_one_source(tmp_path, text)).judge("a", [])
    assert judgement.grade == GradeInterval.exactly(Grade.NEW)
    assert judgement.absent == (DamageType.DENT,)


def test_a_grade_the_wrong_way_round_is_refused_when_the_rubric_is_read(tmp_path: Path) -> None:
    text = '[a.labels]\nb = { grade = ["salvage", "new"] }\n'
    with pytest.raises(RubricError, match="must not be worse"):
        Rubric.load(_one_source(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RubricError, match=r"nowhere\.toml: No such file"):
        Rubric.load(tmp_path / "nowhere.toml")
