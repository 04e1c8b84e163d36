"""The deployed network is the trained one, but for the rounding of its weights."""

import pytest
import torch

from model.deploy import deployed
from model.network import GradingNetwork
from tests.model.norms import scatter_norms


@pytest.fixture(scope="module")
def network() -> GradingNetwork:
    torch.manual_seed(0)
    network = GradingNetwork(2)
    scatter_norms(network)
    return network.eval()


def test_it_answers_as_the_trained_network(network: GradingNetwork) -> None:
    pictures = torch.randint(0, 256, (2, 64, 64, 3), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        trained, put_out = network(pictures), deployed(network)(pictures)
    for name in ("grade_logits", "damage_logits", "map_logits"):
        torch.testing.assert_close(
            getattr(put_out, name), getattr(trained, name), atol=0.01, rtol=0
        )


def test_its_weights_are_held_by_16_bits(network: GradingNetwork) -> None:
    before = [weights.clone() for weights in network.parameters()]
    for weights in deployed(network).parameters():
        assert torch.equal(weights.half().float(), weights)
    assert all(map(torch.equal, before, network.parameters()))
