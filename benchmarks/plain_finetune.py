"""A plain fine-tune, as a tutorial writes it: what `benchmarks/train.py` compares training with.

timm's network with a linear classifier, torchvision's augmentation of like strength, a DataLoader that
decodes every picture in every epoch, AdamW, cross-entropy, torch's default memory format.
"""

from __future__ import annotations

import io
import time
from collections.abc import Sequence

import timm
import torch
import torch.nn.functional as F
from PIL import Image
from sklearn.metrics import balanced_accuracy_score
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from model.network import BACKBONES
from training.config import TrainingConfig
from training.examples import Example

_NORMALISE = v2.Normalize([127 / 255] * 3, [128 / 255] * 3)


class Photographs(Dataset[tuple[Tensor, int]]):
    """Decodes and changes a picture each time it is asked for."""

    def __init__(self, examples: Sequence[Example], transform: v2.Transform) -> None:
        self.examples, self.transform = examples, transform

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        example = self.examples[index]
        image = Image.open(io.BytesIO(example.read())).convert("RGB")
        return self.transform(image), rank_of(example)


def rank_of(example: Example) -> int:
    """Rank of an exactly labelled picture's grade."""
    if example.row.grade is None:
        raise ValueError(f"{example.row.picture} has no grade")
    return example.row.grade.best.rank


def finetune(
    train: Sequence[Example], held_out: Sequence[Example], config: TrainingConfig, workers: int
) -> list[tuple[float, float]]:
    """(seconds of training so far, balanced accuracy) after each epoch."""
    torch.manual_seed(config.seed)
    network = _network(config.backbone)
    loader = DataLoader(
        Photographs(train, _changes(config)),
        batch_size=config.fit.batch_size,
        shuffle=True,
        num_workers=workers,
        persistent_workers=workers > 0,
    )
    plain = v2.Compose([v2.Resize((config.input_size,) * 2), *_to_tensor()])
    scored = DataLoader(Photographs(held_out, plain), batch_size=config.fit.batch_size)
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=config.fit.backbone_rate, weight_decay=config.fit.weight_decay
    )
    steps = config.fit.epochs * len(loader)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    curve, spent = [], 0.0
    for _ in range(config.fit.epochs):
        started = time.perf_counter()
        network.train()
        for images, ranks in loader:
            optimiser.zero_grad()
            loss = F.cross_entropy(network(images), ranks)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
        spent += time.perf_counter() - started
        curve.append((spent, _score(network, scored)))
    return curve


def _network(backbone: str) -> nn.Module:
    network: nn.Module = timm.create_model(BACKBONES[backbone].timm_name, num_classes=4)
    weights = list(BACKBONES[backbone].weights().values())
    body = [name for name in network.state_dict() if not name.startswith("classifier.")]
    network.load_state_dict(dict(zip(body, weights, strict=False)), strict=False)
    return network


def _changes(config: TrainingConfig) -> v2.Transform:
    augment = config.augment
    return v2.Compose(
        [
            v2.RandomResizedCrop(config.input_size, scale=(augment.min_crop**2, 1.0)),
            v2.RandomHorizontalFlip(),
            v2.RandomRotation(augment.max_rotation_deg),
            v2.ColorJitter(
                augment.brightness, augment.contrast, augment.saturation, augment.hue_deg / 360
            ),
            v2.RandomGrayscale(augment.grey),
            *_to_tensor(),
        ]
    )


def _to_tensor() -> list[v2.Transform]:
    return [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), _NORMALISE]


@torch.inference_mode()
def _score(network: nn.Module, loader: DataLoader[tuple[Tensor, int]]) -> float:
    network.eval()
    pairs = [(network(images).argmax(dim=1), ranks) for images, ranks in loader]
    decided, truth = (torch.cat(column).numpy() for column in zip(*pairs, strict=True))
    return float(balanced_accuracy_score(truth, decided))
