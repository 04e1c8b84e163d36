"""A configuration is read whole or refused with the key's name."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from training.config import (
    SHIPPED_CONFIGS,
    TrainingConfig,
    by_table,
    effective,
    identity,
    load_config,
)
from training.errors import ConfigError


@pytest.mark.parametrize("path", sorted(SHIPPED_CONFIGS.glob("*.toml")), ids=lambda p: p.name)
def test_shipped_configurations_are_valid_and_found_by_name(path: Path) -> None:
    assert load_config(Path(path.name)).name == path.stem


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("seed = 3", "seed = 3\nsead = 4", "sead: unknown key"),
        ("batch_size = 8", "batch_size = 8\nmomentum = 0.9", "fit.momentum"),
        ('name = "tiny"', "", "name: field required"),
        ("[augment]", "[augment]\nflip = 1", "augment.flip"),
        ("[augment]", "[augment]\ngrey = 1.5", "augment.grey"),
        ("input_size = 64", "input_size = 72", "input_size: "),
        ("batch_size = 8", 'batch_size = "many"', "fit.batch_size"),
        (
            "min_side_px = 32",
            "min_side_px = 32\nmax_px = 3",
            "decision.quality.max_px: unknown key",
        ),
        ("manifest =", "manifests =", "data.0.manifests"),
    ],
)
def test_a_wrong_key_is_named(tiny_toml: Path, old: str, new: str, named: str) -> None:
    tiny_toml.write_text(tiny_toml.read_text().replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        load_config(tiny_toml)
    assert named in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (["input_size=96"], "cached_size 72 is below input_size 96"),
        (["fit.warmup_epochs=2"], "fit.warmup_epochs is more than fit.epochs"),
        (["precision=16"], "precision 16 needs a GPU"),
        (["features.copies=2", "fit.first_trainable_part=0"], "needs a frozen part"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(
    tiny_toml: Path, changes: list[str], problem: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(problem)):
        load_config(tiny_toml, changes)


def test_changes_are_laid_over_the_file(tiny_toml: Path) -> None:
    changes = ["fit.ema=0.5", "backbone=lite1", "data.0.root=/pictures", "loss.maps=0"]
    changed = load_config(tiny_toml, [*changes, 'name = "other"', "features.copies=3"])
    assert (changed.fit.ema, changed.backbone, changed.loss.maps) == (0.5, "lite1", 0.0)
    assert (changed.name, changed.data[0].root) == ("other", Path("/pictures"))
    assert changed.features is not None
    assert changed.features.copies == 3
    assert changed.fit.epochs == load_config(tiny_toml).fit.epochs


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("fit.sead=1", "fit.sead: "),
        ("sead.fit=1", "sead: "),
        ("fit.epochs=many", "fit.epochs: "),
        ("fit.epochs", "write it as key=value"),
        ("seed.of=1", "write it as key=value"),
        ("data.7.root=x", "write it as key=value"),
    ],
)
def test_a_change_that_cannot_be_is_named(tiny_toml: Path, change: str, named: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(named)):
        load_config(tiny_toml, [change])


def test_the_effective_configuration_is_whole_and_loads_as_the_same(
    tiny_toml: Path, tmp_path: Path
) -> None:
    config = load_config(tiny_toml, ["features.copies=2"])
    again = tmp_path / "again.toml"
    again.write_text(effective(config))
    assert load_config(again) == config
    assert "layer_decay = 1.0" in again.read_text()
    tables = by_table(config)
    assert tables["run"]["seed"] == 3
    assert tables["features"] == {"copies": 2, "max_gb": 8.0}


def test_only_what_can_change_the_weights_is_part_of_the_identity(tiny: TrainingConfig) -> None:
    elsewhere = replace(tiny, cache=Path("x"), logger="tensorboard", checkpoint_minutes=1)
    assert identity(elsewhere) == identity(tiny)
    blended = replace(tiny, start=Path("c.pt"), fit=replace(tiny.fit, keep_start=0.5))
    assert identity(blended) == identity(replace(tiny, start=Path("c.pt")))
    assert identity(replace(tiny, seed=4)) != identity(tiny)
    assert identity(replace(tiny, fit=replace(tiny.fit, ema=0.1))) != identity(tiny)


def test_broken_toml_and_missing_files_are_one_sentence(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("seed = ")
    with pytest.raises(ConfigError, match=r"broken\.toml"):
        load_config(broken)
    with pytest.raises(ConfigError, match=r"no such file; the shipped ones are .*returns\.toml"):
        load_config(tmp_path / "nowhere.toml")


def test_a_configuration_cannot_be_changed(tiny: TrainingConfig) -> None:
    with pytest.raises(AttributeError):
        tiny.seed = 4  # type: ignore[misc]
