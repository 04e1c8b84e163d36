"""The network: shapes, order of the grade logits, frozen parts, familiarity and export."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from model.contract import Manifest
from model.decision import RawOutputs
from model.export import ExportError, compare, require_agreement
from model.familiarity import Unfamiliarity
from model.network import (
    BACKBONES,
    HEADS_ONLY,
    Activations,
    GradingNetwork,
    cumulative,
    cumulative_of_softmax,
    normalise,
    part_of,
    pool,
    statistics_of,
)

TYPES = 2
SIDE = 64


@pytest.fixture(scope="module")
def network() -> GradingNetwork:
    torch.manual_seed(0)
    return GradingNetwork(TYPES).eval()


def _pictures(count: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    shape = (count, SIDE, SIDE, 3)
    return torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)


def test_outputs_have_the_documented_shapes(network: GradingNetwork) -> None:
    with torch.inference_mode():
        outputs = network(_pictures(3))
    assert outputs.grade_logits.shape == (3, 3)
    assert outputs.damage_logits.shape == (3, TYPES)
    assert outputs.map_logits.shape == (3, TYPES, SIDE // 8, SIDE // 8)
    assert outputs.features.shape == (3, 1280)
    assert outputs.statistics.shape == (3, 2 * (40 + 112 + 320))


def test_statistics_are_mean_and_deviation_of_each_channel() -> None:
    drawn = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 4 + 7
    expected = torch.cat([drawn.mean((2, 3)), drawn.std((2, 3), unbiased=False)], dim=1)
    assert torch.allclose(statistics_of(drawn), expected, atol=1e-4)


def test_grade_logits_fall_for_any_raw_value() -> None:
    raw = torch.randn(500, 3, generator=torch.Generator().manual_seed(1)) * 20
    logits = cumulative(raw)
    assert torch.equal(logits[:, 0], raw[:, 0])
    assert (logits.diff(dim=1) <= 0).all()


def test_one_damaged_cell_is_enough_and_more_are_no_less() -> None:
    clean = torch.full((1, 1, 14, 14), -6.0)
    one, many = clean.clone(), clean.clone()
    one[..., 3, 4] = 6.0
    many[..., 2:6, 2:6] = 6.0
    assert pool(clean).item() == pytest.approx(-6.0, abs=1e-5)
    assert pool(clean).item() < 0 < pool(one).item() < pool(many).item() <= 6.0


def test_pixels_are_normalised_as_the_pretrained_weights_expect() -> None:
    picture = torch.tensor([0, 127, 255], dtype=torch.uint8).view(1, 1, 1, 3)
    assert normalise(picture).flatten().tolist() == [-127 / 128, 0.0, 1.0]


def test_pretrained_weights_are_in_the_backbone() -> None:
    pretrained = GradingNetwork.pretrained(TYPES).backbone.state_dict()
    fresh = GradingNetwork(TYPES).backbone.state_dict()
    assert not torch.equal(pretrained["conv_stem.weight"], fresh["conv_stem.weight"])
    assert pretrained["bn2.running_var"].std() > 0


@pytest.mark.parametrize("name", BACKBONES)
def test_every_backbone_takes_its_pretrained_weights(name: str) -> None:
    network = GradingNetwork.pretrained(1, name).eval()
    weights = list(BACKBONES[name].weights().values())
    own = list(network.backbone.state_dict().values())
    assert len(own) == len(weights) - 2  # the classifier's weight and bias
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(own, weights, strict=False))
    with torch.inference_mode():
        assert network(_pictures(1)).features.shape == (1, 1280)


def test_a_softmax_gives_the_ordinal_logits_of_its_probabilities() -> None:
    raw = torch.randn(50, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64) * 5
    probabilities = raw.softmax(dim=1)
    worse = torch.stack([probabilities[:, k:].sum(dim=1) for k in (1, 2, 3)], dim=1)
    torch.testing.assert_close(cumulative_of_softmax(raw).sigmoid(), worse)


@pytest.mark.parametrize("part", [0, 3, 4, 5, 6, 7, 8])
def test_going_on_from_kept_activations_is_exact(network: GradingNetwork, part: int) -> None:
    with torch.inference_mode():
        whole = network(_pictures(2))
        kept = network.advance(Activations(normalise(_pictures(2))), 0, part)
        resumed = network.judge(kept, part)
    assert torch.equal(resumed.grade_logits, whole.grade_logits)
    assert torch.equal(resumed.map_logits, whole.map_logits)


def test_activations_without_the_maps_part_are_refused(network: GradingNetwork) -> None:
    kept = network.advance(Activations(normalise(_pictures(1))), 0, 7)
    with pytest.raises(ValueError, match="need those of parts"):
        network.judge(Activations(kept.reached), 7)


def test_every_parameter_has_its_part(network: GradingNetwork) -> None:
    parts = {name: part_of(name) for name, _ in network.named_parameters()}
    assert set(parts.values()) == set(range(10))
    assert parts["backbone.conv_stem.weight"] == 0
    assert parts["backbone.blocks.6.0.bn3.weight"] == 7
    assert parts["grade.1.weight"] == HEADS_ONLY
    network.train_from(4)
    for name, parameter in network.named_parameters():
        assert parameter.requires_grad == (parts[name] >= 4)
    network.train_from(0)


def test_heads_only_freezes_the_whole_backbone(network: GradingNetwork) -> None:
    network.train_from(HEADS_ONLY)
    trained = [name for name, p in network.named_parameters() if p.requires_grad]
    assert trained
    assert not [name for name in trained if name.startswith("backbone.")]
    network.train_from(0)
    assert all(p.requires_grad for p in network.parameters())


def test_batch_statistics_stay_frozen_in_training() -> None:
    network = GradingNetwork(TYPES).train()
    before = network.backbone.bn1.running_mean.clone()
    network(_pictures(2))
    assert torch.equal(network.backbone.bn1.running_mean, before)


def test_unfamiliarity_tells_strangers_and_is_one_at_the_quantile() -> None:
    generator = torch.Generator().manual_seed(3)
    sources = torch.arange(600) % 2
    features = torch.randn(600, 20, generator=generator) + sources[:, None] * 8.0
    distance = Unfamiliarity.fit(features[:400], sources[:400], directions=5)
    distance.calibrate(features[400:], [[n] for n in range(200)], 0.9)
    assert torch.quantile(distance(features[400:]), 0.9).item() == pytest.approx(1.0, abs=1e-4)
    strangers = torch.randn(50, 20, generator=generator) - 30.0
    assert distance(strangers).min().item() > 1.0
    between = torch.full((1, 20), 4.0)
    assert distance(between).item() > 1.0


def test_the_share_within_the_limit_is_one_of_items_whatever_their_views() -> None:
    generator = torch.Generator().manual_seed(4)
    features = torch.randn(1_000, 20, generator=generator)
    distance = Unfamiliarity.fit(features[:400], torch.zeros(400, dtype=torch.int64), directions=5)
    three_views = [[n, n + 200, n + 400] for n in range(200)]
    distance.calibrate(features[400:], three_views, 0.9)
    farthest = distance(features[400:]).reshape(3, 200).amax(dim=0)
    assert (farthest <= 1.0).float().mean().item() == pytest.approx(0.9, abs=0.006)


def _raw(grade_logits: list[float]) -> RawOutputs:
    return RawOutputs(
        np.array([grade_logits]), np.zeros((1, TYPES)), np.zeros((1, TYPES, 2, 2)), np.zeros(1)
    )


def test_a_different_decision_is_named_and_stops_the_export(manifest: Manifest) -> None:
    alike = compare(_raw([3.0, -3.0, -6.0]), _raw([3.001, -3.0, -6.0]), manifest, ["a.jpg"])
    require_agreement(alike, "the two")
    assert alike.pictures == 1
    assert alike.largest_logit_difference == pytest.approx(0.001)
    assert 0.0 < alike.largest_probability_difference < 0.001
    other = compare(_raw([3.0, -3.0, -6.0]), _raw([-3.0, -4.0, -6.0]), manifest, ["b.jpg"])
    with pytest.raises(ExportError, match=r"the two decide 1 of 2 pictures otherwise: b\.jpg: "):
        require_agreement(alike + other, "the two")


def test_differences_are_recorded_by_output(manifest: Manifest) -> None:
    shifted = replace(_raw([3.0, -3.0, -6.0]), unfamiliarity=np.array([0.25]))
    found = compare(_raw([3.0, -3.0, -6.0]), shifted, manifest, ["a.jpg"])
    assert found.largest_difference == {
        "grade_logits": 0.0,
        "damage_logits": 0.0,
        "damage_maps": 0.0,
        "unfamiliarity": 0.25,
    }
