"""A norm that its convolution takes in answers and learns as the two layers one after the other."""

import timm
import torch
from torch import nn

from model.network import BACKBONES
from model.norms import fold_norms, normed_convolutions, take_in_norms
from tests.model.norms import scatter_norms


def backbone() -> nn.Module:
    torch.manual_seed(0)
    made: nn.Module = timm.create_model(BACKBONES["lite0"].timm_name, num_classes=0)
    scatter_norms(made)
    return made


def gradients(
    network: nn.Module, pictures: torch.Tensor
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    features = network(pictures)
    features.square().sum().backward()
    return features, {
        name: values.grad for name, values in network.named_parameters() if values.grad is not None
    }


def test_answers_and_gradients_are_those_of_frozen_norms() -> None:
    plain, taken_in = backbone().eval(), backbone().train()
    take_in_norms(taken_in)
    pictures = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    expected, slopes = gradients(plain, pictures)
    answered, folded_slopes = gradients(taken_in, pictures)
    torch.testing.assert_close(answered, expected, rtol=1e-4, atol=1e-5)
    assert folded_slopes.keys() == slopes.keys()
    for name, slope in slopes.items():
        torch.testing.assert_close(
            folded_slopes[name], slope, rtol=1e-3, atol=1e-4 * float(slope.abs().max()), msg=name
        )


def test_state_dicts_are_interchangeable() -> None:
    plain, taken_in = backbone(), backbone()
    take_in_norms(taken_in)
    assert list(normed_convolutions(taken_in)) == list(normed_convolutions(plain))
    taken_in.load_state_dict(plain.state_dict())
    plain.load_state_dict(taken_in.state_dict())


def test_what_is_folded_needs_the_norm_no_more() -> None:
    network = backbone()
    take_in_norms(network)
    pictures = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        before = network(pictures)
    fold_norms(network)
    scatter_norms(network, seed=2)
    with torch.inference_mode():
        assert torch.equal(network(pictures), before)
