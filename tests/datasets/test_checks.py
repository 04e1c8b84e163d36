"""Planted faults, one of each kind: each is found, and clean pictures give no finding."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from typer.testing import CliRunner

from datasets.checks.entries import Entry
from datasets.checks.examine import Examination, Tools, examine
from datasets.checks.features import of_bundle
from datasets.checks.findings import Finding, Section, Severity
from datasets.checks.report import MAX_ALIKE, render_report
from datasets.frozen import FrozenSet
from datasets.manifest import LabelledPicture, write_manifest
from datasets.progress import silently
from model.contract import SHIPPED, DamageType, Grade, GradeInterval
from regrade.cli import app
from tests.datasets.photographs import (
    DAMAGED,
    NEW,
    photograph,
    row_of,
    save,
    shop,
)
from tests.datasets.photographs import looking as by_eye

REPAIRABLE = GradeInterval.exactly(Grade.REPAIRABLE)


def _examine(
    rows: Sequence[LabelledPicture],
    root: Path,
    *,
    looking: bool = False,
    frozen: FrozenSet | None = None,
) -> Examination:
    entries = [Entry(row, root / row.picture) for row in rows]
    extractor = by_eye() if looking else None
    return examine(entries, frozen, Tools(root / "cache", 2, silently, extractor))


def _pictures(finding: Finding, found: Examination) -> list[str]:
    return [found.entries[shown.number].row.picture for shown in finding.shown]


def _serious(found: Examination) -> list[str]:
    return [f.title for f in found.findings if f.severity is not Severity.NOTE]


def test_clean_pictures_give_no_finding(tmp_path: Path) -> None:
    found = _examine(shop(tmp_path), tmp_path, looking=True)
    assert _serious(found) == []
    assert found.photographs == len(found.entries) == 40
    assert [(each.source, each.pictures) for each in found.looked.labels] == [("shop", 40)]


def test_missing_truncated_and_changed_files_are_errors(tmp_path: Path) -> None:
    rows = shop(tmp_path)
    (tmp_path / "000.jpg").unlink()
    whole = (tmp_path / "001.jpg").read_bytes()
    (tmp_path / "001.jpg").write_bytes(whole[: len(whole) // 2])
    save(photograph(77), tmp_path / "002.jpg")
    found = _examine(rows, tmp_path)
    unreadable, changed = found.of(Section.FILES)
    assert unreadable.severity is changed.severity is Severity.ERROR
    assert _pictures(unreadable, found) == ["000.jpg", "001.jpg"]
    assert "No such file" in unreadable.shown[0].note
    assert "ends early" in unreadable.shown[1].note
    assert _pictures(changed, found) == ["001.jpg", "002.jpg"]


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (Image.new("RGB", (400, 80)), "under 96 px"),
        (Image.new("RGB", (800, 200)), "longer than 3 times"),
        (photograph(5).convert("CMYK"), "pixel format CMYK"),
    ],
    ids=["small", "long", "cmyk"],
)
def test_odd_sizes_and_modes_are_warned_of(tmp_path: Path, image: Image.Image, said: str) -> None:
    rows = shop(tmp_path)
    save(image, tmp_path / "odd.jpg")
    found = _examine([*rows, row_of(tmp_path / "odd.jpg", tmp_path)], tmp_path)
    findings = [finding for finding in found.of(Section.FILES) if said in finding.title]
    assert [_pictures(finding, found) for finding in findings] == [["odd.jpg"]]
    assert findings[0].severity is Severity.WARNING


def test_a_mirrored_copy_in_another_split_leaks(tmp_path: Path) -> None:
    rows = shop(tmp_path)
    save(ImageOps.mirror(photograph(0)), tmp_path / "copy.jpg", quality=80)
    found = _examine([*rows, row_of(tmp_path / "copy.jpg", tmp_path, split="test")], tmp_path)
    (leak,) = found.of(Section.LEAKAGE)
    assert leak.severity is Severity.ERROR
    assert leak.title == "One photograph in train and test (shop)"
    assert _pictures(leak, found) == ["000.jpg", "copy.jpg"]
    assert "mirrored" in leak.shown[1].note
    assert found.of(Section.DUPLICATES) == []


def test_a_crop_in_another_split_is_suspected(tmp_path: Path) -> None:
    """Too much is cut off for its detail to lie where the original's does."""
    rows = shop(tmp_path)
    whole = photograph(0)
    save(whole.crop((10, 4, 150, 120)).resize(whole.size), tmp_path / "crop.jpg")
    rows.append(row_of(tmp_path / "crop.jpg", tmp_path, split="val"))
    found = _examine(rows, tmp_path, looking=True)
    (suspicion,) = found.of(Section.LEAKAGE)
    assert suspicion.severity is Severity.WARNING
    assert suspicion.title == "Perhaps one item in train and val (shop)"
    assert _pictures(suspicion, found) == ["000.jpg", "crop.jpg"]


@pytest.mark.parametrize("kind", ["item", "group"])
def test_an_item_and_a_group_in_two_splits_leak(tmp_path: Path, kind: str) -> None:
    """Its two pictures are unlike: only the manifest says that they belong together."""
    rows = shop(tmp_path)
    named = rows[0].item_id if kind == "item" else rows[0].group
    save(photograph(500), tmp_path / "view.jpg")
    other = (
        row_of(tmp_path / "view.jpg", tmp_path, split="val", item=named)
        if kind == "item"
        else row_of(tmp_path / "view.jpg", tmp_path, split="val", group=named)
    )
    found = _examine([*rows, other], tmp_path)
    assert [leak.title for leak in found.of(Section.LEAKAGE)] == [
        f"One {kind} in train and val (shop)"
    ]


def test_copies_with_contradicting_labels_come_before_plain_copies(tmp_path: Path) -> None:
    rows = shop(tmp_path)
    for name, seed in (("a.jpg", 0), ("b.jpg", 8)):
        save(photograph(seed), tmp_path / name, quality=80)
    plain = row_of(tmp_path / "a.jpg", tmp_path)
    wrong = row_of(tmp_path / "b.jpg", tmp_path, grade=REPAIRABLE)
    contradiction, copies = _examine([*rows, plain, wrong], tmp_path).of(Section.DUPLICATES)
    assert contradiction.severity is Severity.ERROR
    assert contradiction.title.endswith("new against repairable")
    assert copies.title == "2 copies of one photograph"
    assert copies.severity is Severity.WARNING


def test_labels_whose_ranges_overlap_do_not_contradict(tmp_path: Path) -> None:
    rows = shop(tmp_path)
    save(photograph(1, damaged=True), tmp_path / "a.jpg", quality=80)
    finer = row_of(tmp_path / "a.jpg", tmp_path, grade=REPAIRABLE, group=rows[1].group)
    assert _examine([*rows, finer], tmp_path).of(Section.DUPLICATES) == []


def test_a_damage_both_present_and_absent_contradicts(tmp_path: Path) -> None:
    rows = shop(tmp_path)
    save(photograph(1, damaged=True), tmp_path / "a.jpg", quality=80)
    rows[1] = rows[1].model_copy(update={"present": (DamageType.DENT,)})
    other = row_of(tmp_path / "a.jpg", tmp_path, grade=DAMAGED).model_copy(
        update={"absent": (DamageType.DENT,)}
    )
    (found,) = _examine([*rows, other], tmp_path).of(Section.DUPLICATES)
    assert found.title.endswith("dent present against absent")


def test_rare_labels_and_damages_are_warned_of(tmp_path: Path) -> None:
    rows = shop(tmp_path)
    new, damaged = rows[::2], rows[1::2]
    one = damaged[0].model_copy(update={"present": (DamageType.TEAR,)})
    titles = [f.title for f in _examine([*new, one], tmp_path).of(Section.BALANCE)]
    assert "shop: 20 pictures are new, 1 are lightly used to salvage" in titles
    assert "shop: val holds only 0 lightly used to salvage" in titles
    assert "tear: 1 training picture with it, 0 without" in titles


def test_another_test_set_than_the_frozen_one_is_an_error(tmp_path: Path) -> None:
    rows = shop(tmp_path)
    frozen = FrozenSet.of(rows, datetime.now(UTC))
    assert _examine(rows, tmp_path, frozen=frozen).of(Section.FROZEN) == []
    rows[6] = rows[6].model_copy(update={"split": "train"})
    rows[7] = rows[7].model_copy(update={"grade": NEW})
    found = _examine(rows, tmp_path, frozen=frozen).of(Section.FROZEN)
    assert [finding.severity for finding in found] == [Severity.ERROR, Severity.ERROR]
    assert "missing" in found[0].title
    assert "other labels" in found[1].title


def test_the_report_cuts_long_lists_and_needs_no_other_file(tmp_path: Path) -> None:
    rows = shop(tmp_path)
    for n in range(MAX_ALIKE + 3):
        save(photograph(n, damaged=n % 2 == 1), tmp_path / f"copy{n}.jpg", quality=80)
        grade = DAMAGED if n % 2 else NEW
        other = row_of(tmp_path / f"copy{n}.jpg", tmp_path, grade=grade, split=rows[n].split)
        rows.append(other)
    found = _examine(rows, tmp_path)
    page = render_report(found, [tmp_path], datetime.now(UTC), 1, silently)
    assert "and 3 more like these, in findings.json" in page
    assert page.count("data:image/jpeg") == 2 * MAX_ALIKE
    assert "http" not in page
    assert "src=" in page
    assert 'src="data:' in page
    assert page.count("src=") == page.count('src="data:')


def test_labels_from_a_manifest_are_escaped_in_the_report(tmp_path: Path) -> None:
    rows = shop(tmp_path)
    save(photograph(0), tmp_path / "a.jpg", quality=80)
    rows.append(row_of(tmp_path / "a.jpg", tmp_path, source="<script>x</script>"))
    page = render_report(_examine(rows, tmp_path), [tmp_path], datetime.now(UTC), 1, silently)
    assert "<script>x" not in page
    assert "&lt;script&gt;x" in page


def test_features_of_a_bundle_are_those_that_its_network_pools() -> None:
    extractor = of_bundle(SHIPPED)
    side = extractor.side
    images = [photograph(n).resize((side, side)) for n in range(2)]
    features = extractor.run(np.stack([np.asarray(image) for image in images]))
    assert features.shape[0] == 2
    assert features.shape[1] == 1280
    assert not np.allclose(features[0], features[1])


def _run(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["data", "check", *map(str, arguments)])
    return result.exit_code, result.stdout + result.stderr


def test_the_command_tells_clean_from_faulty_by_its_exit_code(tmp_path: Path) -> None:
    rows = shop(tmp_path)
    manifest, out = tmp_path / "manifest.jsonl", tmp_path / "out"
    options = ("--manifest", manifest, "--out", out, "--cache", tmp_path / "cache", "--quick")
    write_manifest(manifest, rows)
    assert _run(*options)[0] == 0
    assert "Nothing found." in (out / "report.html").read_text("utf-8")
    (tmp_path / "000.jpg").unlink()
    code, said = _run(*options)
    assert code == 1
    assert "1 file cannot be read" in said
    findings = json.loads((out / "findings.json").read_text("utf-8"))
    assert findings["counts"]["error"] == 1
    pictures = [p["picture"] for f in findings["findings"] for p in f["pictures"]]
    assert pictures == ["000.jpg"]


@pytest.mark.parametrize("name", ["report.html", "findings.json"])
def test_a_report_that_cannot_be_written_ends_with_two_and_one_sentence(
    tmp_path: Path, name: str
) -> None:
    manifest, out = tmp_path / "manifest.jsonl", tmp_path / "out"
    write_manifest(manifest, shop(tmp_path, items=1))
    options = ("--manifest", manifest, "--out", out, "--cache", tmp_path / "cache", "--quick")
    (out / name).mkdir(parents=True)
    code, said = _run(*options)
    assert (code, said.splitlines()[-1]) == (2, f"error: {out / name}: Is a directory")
    (out / name).rmdir()
    (out / name).symlink_to("/dev/full")
    code, said = _run(*options)
    assert (code, said.splitlines()[-1]) == (2, f"error: {out / name}: No space left on device")


def test_unusable_input_ends_with_two_and_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    manifest = tmp_path / "manifest.jsonl"
    cache = ("--out", tmp_path / "out", "--cache", tmp_path / "cache", "--quick")
    code, said = _run("--manifest", manifest, *cache)
    assert (code, len(said.strip().splitlines())) == (2, 1)
    manifest.write_text("")
    assert "no row" in _run("--manifest", manifest, *cache)[1]
    code, said = _run("--manifest", manifest, "--root", tmp_path, "--root", tmp_path, *cache)
    assert code == 2
    assert "1 manifests but 2 roots" in said
    write_manifest(manifest, shop(tmp_path, items=1))
    code, said = _run("--manifest", manifest, "--root", tmp_path / "out", *cache)
    assert code == 2
    assert "give --root" in said
