"""The feature cache gives what the uncached path gives, and is made once."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from datasets.progress import silently
from model.contract import DamageType
from model.network import GradingNetwork
from training.cache import cached_pictures
from training.config import Augmentation, FeatureCache, TrainingConfig
from training.errors import ConfigError
from training.examples import Example, load_examples, of_split
from training.features import KeptActivations, kept_activations
from training.feeds import Pictures
from training.objective import Batch, Objective
from training.targets import make_targets

TYPES = (DamageType.DENT,)
CPU = torch.device("cpu")
STILL = Augmentation(
    min_crop=1.0,
    max_rotation_deg=0,
    flip="none",
    brightness=0,
    contrast=0,
    saturation=0,
    hue_deg=0,
    grey=0,
    degrade=0,
)


@pytest.fixture
def still(tiny: TrainingConfig, tmp_path: Path) -> TrainingConfig:
    """Without augmentation, in a cache of its own."""
    return replace(tiny, augment=STILL, cached_size=tiny.input_size, cache=tmp_path)


def _taught(config: TrainingConfig) -> tuple[list[Example], Pictures]:
    examples = of_split(load_examples(config.data), "train")
    pixels = cached_pictures(examples, config.cached_size, config.cache, silently)
    return examples, Pictures(pixels, make_targets(examples, TYPES), config, CPU)


def _kept(
    network: GradingNetwork, config: TrainingConfig, settings: FeatureCache
) -> KeptActivations:
    examples, pictures = _taught(config)
    return kept_activations(network, pictures, examples, TYPES, settings, silently)


def _network() -> GradingNetwork:
    torch.manual_seed(0)
    return GradingNetwork.pretrained(len(TYPES), dropout=0.0).eval()


def _gradients(
    network: GradingNetwork, config: TrainingConfig, batch: Batch, part: int | None
) -> dict[str, Tensor]:
    network.zero_grad()
    sums = Objective(network, config.loss, part)(batch)
    torch.autograd.backward(sums[:, 0].sum())
    return {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("part", [4, 6, 9])
def test_kept_activations_give_the_gradients_of_the_pictures(
    still: TrainingConfig, part: int
) -> None:
    config = replace(still, fit=replace(still.fit, first_trainable_part=part))
    network = _network()
    network.train_from(part)
    kept = _kept(network, config, FeatureCache(copies=2))
    _, pictures = _taught(config)
    chosen, whole = torch.tensor([1, 5, 5, 14]), slice(None)
    from_pictures, from_kept = (
        _gradients(
            network, config, feed.batch(chosen, whole, Generator().manual_seed(0)), feed.part
        )
        for feed in (pictures, kept)
    )
    assert set(from_kept) == set(from_pictures)
    assert "grade.1.weight" in from_kept
    for name, gradient in from_pictures.items():
        apart = (from_kept[name] - gradient).norm() / gradient.norm().clamp(min=1e-6)
        assert apart < 0.1, name  # kept in half precision; another picture's would be 1 apart


def test_copies_of_a_picture_differ_and_all_are_drawn(tiny: TrainingConfig, tmp_path: Path) -> None:
    config = replace(tiny, cache=tmp_path)
    kept = _kept(_network(), config, FeatureCache(copies=3))
    batch = kept.batch(torch.full((60,), 4), slice(None), Generator().manual_seed(0))
    assert len({inputs.sum().item() for inputs in batch.inputs}) == 3
    share = kept.batch(torch.full((60,), 4), slice(1, None, 2), Generator().manual_seed(0))
    assert torch.equal(share.inputs, batch.inputs[1::2])


def test_the_cache_is_made_once_for_one_data_set_and_network(
    tiny: TrainingConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(tiny, cache=tmp_path)
    first = _kept(_network(), config, FeatureCache(copies=1))
    folders = {path for path in tmp_path.iterdir() if path.is_dir()}
    with monkeypatch.context() as patched:
        patched.delattr(GradingNetwork, "advance")
        again = _kept(_network(), config, FeatureCache(copies=1))
    assert np.array_equal(again.reached, first.reached)
    other = _network()
    with torch.no_grad():
        other.backbone.conv_stem.weight.add_(1.0)
    assert not np.array_equal(_kept(other, config, FeatureCache(copies=1)).reached, first.reached)
    assert len({path for path in tmp_path.iterdir() if path.is_dir()} - folders) == 1


def test_a_cache_that_would_be_too_large_is_refused_before_it_is_written(
    tiny: TrainingConfig, tmp_path: Path
) -> None:
    config = replace(tiny, cache=tmp_path)
    with pytest.raises(ConfigError, match=r"more than features\.max_gb 1e-06"):
        _kept(_network(), config, FeatureCache(copies=2, max_gb=1e-6))
    assert not list(tmp_path.glob("features-*[0-9a-f]/*.npy"))
