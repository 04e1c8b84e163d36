"""A configuration is read whole or refused with the key's name."""

from pathlib import Path

import pytest

from training.config import SHIPPED_CONFIGS, TrainingConfig, load_config
from training.errors import ConfigError


@pytest.mark.parametrize("path", sorted(SHIPPED_CONFIGS.glob("*.toml")), ids=lambda p: p.name)
def test_shipped_configurations_are_valid_and_found_by_name(path: Path) -> None:
    assert load_config(Path(path.name)).name == path.stem


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("seed = 3", "seed = 3\nsead = 4", "sead"),
        ("batch_size = 8", "batch_size = 8\nmomentum = 0.9", "fit.momentum"),
        ("seed = 3", "", "seed: "),
        ("batch_size = 8", 'batch_size = "many"', "fit.batch_size"),
        ("min_side_px = 32", "min_side_px = 32\nmax_px = 3", "decision.quality.max_px"),
        ("manifest =", "manifests =", "data.0.manifests"),
    ],
)
def test_a_wrong_key_is_named(tiny_toml: Path, old: str, new: str, named: str) -> None:
    tiny_toml.write_text(tiny_toml.read_text().replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        load_config(tiny_toml)
    assert named in str(caught.value)


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
