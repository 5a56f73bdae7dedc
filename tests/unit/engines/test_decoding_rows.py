"""Drawing tokens: right distribution, right nucleus, and no row depends on its neighbours."""

import pytest

torch = pytest.importorskip("torch")

from spar.engines.decoding.rows import draw, uniforms  # noqa: E402 - after the check that torch is there

pytestmark = pytest.mark.torch


def rows(count: int, **values: float) -> list:  # type: ignore[type-arg]  # tensors, from a module that may be absent
    return [torch.full((count,), values[name], dtype=torch.float64) for name in ("temperature", "top_p")]


def test_uniforms_are_a_stream_of_their_seed() -> None:
    assert torch.equal(uniforms(7, 10), uniforms(7, 20)[:10])
    assert not torch.equal(uniforms(7, 10), uniforms(8, 10))
    many = torch.cat([uniforms(seed, 5) for seed in range(2**62, 2**62 + 4000)])
    assert float(many.min()) >= 0
    assert float(many.max()) < 1
    assert abs(float(many.mean()) - 0.5) < 0.01


@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (0.5, 1.0), (1.0, 0.7), (2.0, 0.95)])
def test_frequencies_follow_the_distribution(temperature: float, top_p: float) -> None:
    logits = torch.tensor([2.0, 0.0, 1.0, -1.0, 0.5])
    probabilities = torch.softmax(logits.double() / temperature, -1)
    order = probabilities.argsort(descending=True)
    before = probabilities[order].cumsum(-1) - probabilities[order]
    wanted = torch.zeros(5, dtype=torch.float64)
    wanted[order] = torch.where(before < top_p, probabilities[order], 0.0)
    count = 20_000
    tokens = draw(logits.expand(count, 5), *rows(count, temperature=temperature, top_p=top_p), uniforms(3, count))
    seen = torch.bincount(tokens, minlength=5).double() / count
    assert torch.allclose(seen, wanted / wanted.sum(), atol=0.012)
    assert bool((seen[wanted == 0] == 0).all())


def test_a_nucleus_wider_than_the_first_look_is_whole() -> None:
    count = 4000
    tokens = draw(torch.zeros(count, 500), *rows(count, temperature=1.0, top_p=0.9), uniforms(1, count))
    assert 440 <= len(set(tokens.tolist())) <= 451


def test_the_edges_of_the_uniforms_draw_possible_tokens() -> None:
    logits = torch.tensor([[float("-inf"), 0.0, 0.0, float("-inf")]]).expand(2, 4)
    edges = torch.tensor([0.0, 1 - 2**-53], dtype=torch.float64)
    assert draw(logits, *rows(2, temperature=1.0, top_p=1.0), edges).tolist() == [1, 2]
    assert set(draw(logits, *rows(2, temperature=1.0, top_p=0.9), edges).tolist()) == {1, 2}


def test_rows_of_every_kind_in_one_batch_draw_as_they_do_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(60, 90, generator=generator)
    temperature = torch.tensor([0.0, 0.7, 1.0] * 20, dtype=torch.float64)
    top_p = torch.tensor([1.0, 0.9, 0.5, 1.0] * 15, dtype=torch.float64)
    numbers = uniforms(5, 60)
    together = draw(logits, temperature, top_p, numbers)
    for i in range(60):
        one = slice(i, i + 1)
        assert draw(logits[one], temperature[one], top_p[one], numbers[one]) == together[i]
    assert torch.equal(together[::3], logits.argmax(-1)[::3])
