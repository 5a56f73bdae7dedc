"""A model's shape, read from its config.json, and what follows from it: parameters, KV cache, activations.

Knows the decoders whose layers are: norm, attention with grouped heads, norm, gated MLP. Checked against the
parameter counts that the models' publishers give (tests/unit/planning).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from spar.errors import ModelUnusable

BYTES = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Biases:
    """Where an architecture has biases and norms besides the common ones; from transformers' modeling files."""

    qkv: bool = False
    output: bool = False
    mlp: bool = False
    head_norms: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Sizes as in config.json; `positions` is the longest sequence."""

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocabulary: int
    positions: int
    tied: bool
    biases: Biases = Biases()

    @property
    def layer_matrices(self) -> tuple[tuple[int, int], ...]:
        """(inputs, outputs) of a layer's linear maps: q, k, v, o, gate, up, down."""
        h, q, kv = self.hidden, self.heads * self.head_dim, self.kv_heads * self.head_dim
        up = (h, self.intermediate)
        return ((h, q), (h, kv), (h, kv), (q, h), up, up, (self.intermediate, h))

    @property
    def layer_parameters(self) -> int:
        q, kv = self.heads * self.head_dim, self.kv_heads * self.head_dim
        biases = (q + 2 * kv) * self.biases.qkv + self.hidden * self.biases.output
        biases += (2 * self.intermediate + self.hidden) * self.biases.mlp
        norms = 2 * self.hidden + 2 * self.head_dim * self.biases.head_norms
        return sum(inputs * outputs for inputs, outputs in self.layer_matrices) + biases + norms

    @property
    def embedding_parameters(self) -> int:
        """Input and output embedding; tied, they are one."""
        return self.vocabulary * self.hidden * (1 if self.tied else 2)

    @property
    def parameters(self) -> int:
        return self.embedding_parameters + self.layers * self.layer_parameters + self.hidden

    def lora_parameters(self, rank: int) -> int:
        """An adapter on every linear map of every layer ("all-linear" leaves the output embedding out)."""
        return self.layers * sum(rank * (inputs + outputs) for inputs, outputs in self.layer_matrices)

    def kv_bytes_per_token(self, dtype: str) -> int:
        """Keys and values of one token in all layers."""
        return 2 * self.layers * self.kv_heads * self.head_dim * BYTES[dtype]

    def layer_activations(self, tokens: int, dtype: str) -> int:
        """Bytes that one layer keeps for its backward pass: an estimate.

        Counted as in Korthikanti et al. 2022 (arXiv 2205.05198, section 4.1), for this layer: inputs and outputs of
        both norms (4 x hidden), queries and attention output, keys and values, and of the MLP gate, up, activation and
        product (4 x intermediate). No term in tokens squared: attention is computed blockwise.
        """
        per_token = 4 * self.hidden + 2 * self.heads * self.head_dim + 2 * self.kv_heads * self.head_dim
        return tokens * (per_token + 4 * self.intermediate) * BYTES[dtype]


def shape_of(config: Mapping[str, Any], name: str) -> Shape:
    """`config`: the content of a config.json; `name`: the model's name in errors. Raises ModelUnusable."""
    kind = config.get("model_type")
    if kind not in _KINDS:
        raise ModelUnusable(
            f"{name} is of type {kind!r}, which is not supported.",
            f"Plan with a model of one of these types: {', '.join(sorted(_KINDS))}.",
        )
    try:
        return _shape(config, _KINDS[kind](config))
    except KeyError as error:
        raise ModelUnusable(f"The config.json of {name} has no {error.args[0]}.", "Complete the config.json.") from None


def _shape(config: Mapping[str, Any], biases: Biases) -> Shape:
    heads = config["num_attention_heads"]
    return Shape(
        hidden=config["hidden_size"],
        layers=config["num_hidden_layers"],
        heads=heads,
        kv_heads=config.get("num_key_value_heads") or heads,
        head_dim=config.get("head_dim") or config["hidden_size"] // heads,
        intermediate=config["intermediate_size"],
        vocabulary=config["vocab_size"],
        positions=config["max_position_embeddings"],
        tied=bool(config.get("tie_word_embeddings", False)),
        biases=biases,
    )


def _llama(config: Mapping[str, Any]) -> Biases:
    attention = bool(config.get("attention_bias", False))
    return Biases(qkv=attention, output=attention, mlp=bool(config.get("mlp_bias", False)))


def _qwen3(config: Mapping[str, Any]) -> Biases:
    attention = bool(config.get("attention_bias", False))
    return Biases(qkv=attention, output=attention, head_norms=True)


_KINDS: dict[str, Callable[[Mapping[str, Any]], Biases]] = {
    "llama": _llama,
    "mistral": lambda _: Biases(),
    "qwen2": lambda _: Biases(qkv=True),
    "qwen3": _qwen3,
    "glm": lambda config: Biases(qkv=bool(config.get("attention_bias", True))),
}
