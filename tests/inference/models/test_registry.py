"""Bundles on disk: all of one or nothing, and never another under the same name."""

from __future__ import annotations

import json
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from inference.grader import BundleGrader
from inference.models.fetch import SourceError
from inference.models.registry import (
    NameTakenError,
    Registry,
    RegistryError,
    UnknownBundleError,
)
from inference.models.tuning import ThresholdChanges, TuningError
from model.contract import Bundle, BundleError, DamageType, ModelRef
from model.contract.bundle import MANIFEST
from tests.model.manifests import COSTS

ONE = ModelRef(name="tiny", version="1")


def names_in(registry: Registry) -> list[str]:
    return [each.ref.version for each in registry.entries()]


def edited(tiny: Path, folder: Path, **changes: object) -> Path:
    """A copy whose manifest says something else."""
    shutil.copytree(tiny, folder)
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(manifest | changes))
    return folder


def test_a_bundle_comes_in_whole_and_a_repeat_changes_nothing(
    registry: Registry, tiny: Path
) -> None:
    entry, new = registry.add(str(tiny))
    assert (entry.ref, new) == (ONE, True)
    assert registry.add(str(tiny)) == (entry, False)
    assert registry.bundle(ONE, entry.manifest_sha256).manifest == Bundle.load(tiny).manifest
    assert not any((registry.root / ".incoming").iterdir())


def test_a_version_stands_for_one_bundle(registry: Registry, tiny: Path, tmp_path: Path) -> None:
    registry.add(str(tiny))
    other = edited(tiny, tmp_path / "other", git_commit="another")
    with pytest.raises(NameTakenError, match="with other content"):
        registry.add(str(other))
    with pytest.raises(NameTakenError, match="has the digits of tiny/1"):
        registry.add(str(other), version="v1")
    assert registry.add(str(other), version="2")[0].ref.version == "2"
    assert names_in(registry) == ["1", "2"]


def test_a_damaged_bundle_leaves_nothing_behind(
    registry: Registry, tiny: Path, tmp_path: Path
) -> None:
    damaged = shutil.copytree(tiny, tmp_path / "damaged")
    network = damaged / "model.onnx"
    network.write_bytes(network.read_bytes()[:-1] + b"x")
    with pytest.raises(BundleError, match=r"model\.onnx is not the file that was exported"):
        registry.add(str(damaged))
    assert names_in(registry) == []
    assert not any((registry.root / ".incoming").iterdir())


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/passwd", "a/b", "..", ".hidden", "a\\b", MANIFEST]
)
def test_no_file_leads_out_of_the_folder(
    registry: Registry, tiny: Path, tmp_path: Path, name: str
) -> None:
    bad = edited(tiny, tmp_path / "bad", files={name: "0" * 64})
    with pytest.raises(SourceError, match="names are plain"):
        registry.add(str(bad))
    assert not (registry.root / "evil").exists()


@pytest.mark.parametrize("change", [{"name": "../up"}, {"version": ".."}, {"version": "1+int8"}])
def test_no_name_leads_out_of_the_registry(
    registry: Registry, tiny: Path, tmp_path: Path, change: dict[str, str]
) -> None:
    with pytest.raises(RegistryError, match="cannot be a folder"):
        registry.add(str(edited(tiny, tmp_path / "bad", **change)))
    assert names_in(registry) == []
    for version in ("..", "../1", ".incoming", ""):
        with pytest.raises(UnknownBundleError):
            registry.path(ModelRef(name="tiny", version=version))


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("/nowhere/at/all", "has no manifest.json"),
        ("ftp://host/x", "is not known"),
        ("simplecache::file:///tmp", "chain"),
        ("https://user:secret@host/x", "no password"),
    ],
)
def test_a_source_that_cannot_be_read_says_why(registry: Registry, source: str, says: str) -> None:
    with pytest.raises(SourceError, match=says) as error:
        registry.add(source)
    assert "secret" not in str(error.value)


def test_a_scheme_whose_package_is_missing_says_what_to_install(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_source: str) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("inference.models.fetch.url_to_fs", missing)
    with pytest.raises(SourceError, match=r"pip install 'regrade\[s3\]'"):
        registry.add("s3://models/tiny")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def test_a_bundle_comes_from_any_web_server(registry: Registry, tiny: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(tiny)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        assert registry.add(url)[0].ref == ONE
        with pytest.raises(SourceError, match=r"manifest\.json"):
            registry.add(f"{url}/nothing")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_thresholds_make_a_version_that_serves(registry: Registry, tiny: Path) -> None:
    registry.add(str(tiny))
    dear = tuple(tuple(10 * cost for cost in row) for row in COSTS)
    changes = ThresholdChanges(costs=dear, damage={DamageType.DENT: 0.7})
    entry = registry.tune(ONE, changes, None)
    assert entry.ref.version == "1.t1"
    before = Bundle.load(tiny).manifest.thresholds
    after = entry.manifest.thresholds
    assert after.costs == dear
    assert after.damage == {**before.damage, DamageType.DENT: 0.7}
    assert after.quality == before.quality
    bundle = registry.bundle(entry.ref, entry.manifest_sha256)
    BundleGrader(bundle).verify()
    assert registry.tune(entry.ref, ThresholdChanges(review_cost=9), None).ref.version == "1.t2"


def test_other_costs_regrade_the_golden_pictures(registry: Registry, tiny: Path) -> None:
    """A cost under which everything is salvage: the golden grade follows, and still verifies."""
    registry.add(str(tiny))
    salvage = ((0, 9, 9, 0.1), (9, 0, 9, 0.1), (9, 9, 0, 0.1), (9, 9, 9, 0.0))
    entry = registry.tune(ONE, ThresholdChanges(costs=salvage), "2")
    assert {golden.grade for golden in entry.manifest.golden} == {"salvage"}
    BundleGrader(registry.bundle(entry.ref)).verify()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "same as before"),
        ({"costs": ((0, 1), (1, 0))}, "4 x 4"),
        ({"damage": {"stain": 0.5}}, "does not judge"),
        ({"quality": {"min_sharpnes": 0.5}}, "min_sharpnes"),
    ],
)
def test_thresholds_that_make_no_sense_are_refused(
    registry: Registry, tiny: Path, changes: dict[str, object], says: str
) -> None:
    registry.add(str(tiny))
    with pytest.raises(TuningError, match=says):
        registry.tune(ONE, ThresholdChanges.model_validate(changes), None)
    assert names_in(registry) == ["1"]


def test_a_manifest_that_was_edited_in_place_is_found(registry: Registry, tiny: Path) -> None:
    """Its hashes still hold, so only what was recorded when it was added can tell."""
    entry, _ = registry.add(str(tiny))
    path = registry.path(ONE) / MANIFEST
    path.chmod(0o644)
    path.write_text(path.read_text().replace('"review_cost": 1.0', '"review_cost": 99.0'))
    assert registry.bundle(ONE).manifest.thresholds.review_cost == 99.0
    with pytest.raises(BundleError, match="was changed since"):
        registry.bundle(ONE, entry.manifest_sha256)
