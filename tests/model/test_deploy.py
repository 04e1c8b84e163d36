"""The deployed network is the trained one, but for the rounding of its weights."""

import pytest
import torch

from model.deploy import deployed
from model.network import GradingNetwork


@pytest.fixture(scope="module")
def network() -> GradingNetwork:
    torch.manual_seed(0)
    network = GradingNetwork(2)
    for _, _, norm in network.normed_convolutions():
        assert norm.running_mean is not None
        assert norm.running_var is not None
        torch.nn.init.uniform_(norm.running_mean, -0.2, 0.2)  # as pretrained norms have them
        torch.nn.init.uniform_(norm.running_var, 0.5, 2.0)
    return network.eval()


def test_it_answers_as_the_trained_network(network: GradingNetwork) -> None:
    pictures = torch.randint(0, 256, (2, 64, 64, 3), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        trained, put_out = network(pictures), deployed(network)(pictures)
    for name in ("grade_logits", "damage_logits", "map_logits"):
        torch.testing.assert_close(
            getattr(put_out, name), getattr(trained, name), atol=0.01, rtol=0
        )


def test_its_weights_are_held_by_16_bits_and_its_norms_change_nothing(
    network: GradingNetwork,
) -> None:
    before = [weights.clone() for weights in network.parameters()]
    put_out = deployed(network)
    for weights in put_out.parameters():
        assert torch.equal(weights.half().float(), weights)
    for _, _, norm in put_out.normed_convolutions():
        channels = torch.rand(1, norm.num_features, 2, 2)
        plain = torch.nn.functional.batch_norm(
            channels, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps
        )
        assert torch.equal(plain, channels)
    assert all(map(torch.equal, before, network.parameters()))
