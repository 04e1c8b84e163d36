"""Sampling balances sources, and labels within a source."""

from collections import defaultdict

import pytest
import torch
from torch import Generator

from training.config import Data
from training.examples import load_examples, of_split
from training.sampling import dice_of, drawn, sampling_weights, share_of


def test_labels_of_a_source_weigh_alike_and_sources_by_their_power(squares_data: Data) -> None:
    examples = of_split(load_examples([squares_data]), "train")
    weights = sampling_weights(examples, 0.0, 0.0)
    by_label: dict[tuple[str, bool], float] = defaultdict(float)
    for example, weight in zip(examples, weights.tolist(), strict=True):
        by_label[example.row.source, bool(example.row.present)] += weight
    assert set(by_label) == {(s, d) for s in ("left", "right") for d in (True, False)}
    assert list(by_label.values()) == pytest.approx([0.25] * 4)


def test_labels_can_be_drawn_as_they_occur(squares_data: Data) -> None:
    examples = of_split(load_examples([squares_data]), "train")
    weights = sampling_weights(examples, 1.0, 1.0)
    assert weights.tolist() == pytest.approx([1 / len(examples)] * len(examples))
    uneven = [example for example in examples if example.row.present][:1] + [
        example for example in examples if not example.row.present
    ]
    rare, *_ = sampling_weights(uneven, 1.0, 0.5).tolist()
    assert rare > 1 / len(uneven)


def test_batches_draw_as_many_as_asked_and_repeat_by_seed() -> None:
    weights = torch.tensor([0.0, 0.5, 0.5], dtype=torch.float64)
    one, other = (drawn(weights, 20, 8, Generator().manual_seed(1)) for _ in range(2))
    assert [len(batch) for batch in one] == [8, 8, 4]
    assert torch.equal(torch.cat(one), torch.cat(other))
    assert 0 not in torch.cat(one)


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_processes_share_each_batch_without_rest(processes: int) -> None:
    batch = torch.arange(8)
    shares = [batch[share_of(rank, processes)] for rank in range(processes)]
    assert sorted(torch.cat(shares).tolist()) == batch.tolist()


def test_dice_differ_by_seed_purpose_and_step_and_repeat() -> None:
    rolls = [
        dice_of(7, "draw", 1),
        dice_of(8, "draw", 1),
        dice_of(7, "change", 1),
        dice_of(7, "draw", 2),
        dice_of(7, "draw", 1, 0),
    ]
    assert len(set(rolls)) == len(rolls)
    assert dice_of(7, "draw", 1) == rolls[0]
