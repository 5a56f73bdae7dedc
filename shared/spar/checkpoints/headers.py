"""Checks from the headers of its files that a folder's weights are complete, for when they are not loaded here.

Cheap (a header has kilobytes) and standard library only. Detects truncated files, tensors that are in the index but in
no file, names with a wrapper's prefix, missing layers; a tensor missing in some layers, for models whose layers are
known to be alike; and an adapter with another rank or base than it names. `spar.checkpoints.architecture` checks an
architecture's own tensors.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from spar.checkpoints.wholeness import PREFIXES, require_shape, require_whole
from spar.errors import ModelUnusable
from spar.lora import adapter_config

INDEX = "model.safetensors.index.json"
ALIKE = frozenset(
    (
        *("gemma", "gemma2", "gemma3_text", "glm", "glm4", "granite", "llama", "ministral"),
        *("mistral", "olmo2", "olmo3", "phi3", "qwen2", "qwen3", "smollm3"),
    )
)
"""`model_type` of architectures whose decoder layers all have the same tensors."""
_LAYER = re.compile(r"(.*?\blayers)\.(\d+)\.(.+)")
_SIDE = re.compile(r"base_model\.model\.(.+)\.lora_([AB])(?:\.\w+)?\.weight")
_OFTEN_TIED = ("lm_head", "embed_tokens")  # may be stored once under the other's name
_LENGTH_BYTES = 8  # of a safetensors header's length


def check_weights(folder: Path) -> None:
    """Raises ModelUnusable for a whole model's folder whose weights are incomplete."""
    names = _tensors(folder)
    wrapped = {name for name in names if name.startswith(PREFIXES)}
    if wrapped:
        require_whole(folder, {_unwrapped(name) for name in wrapped}, wrapped)
    config = _decoder_config(folder)
    require_whole(folder, set(_missing_in_layers(names, config)), ())


def check_adapter_weights(adapter: Path, base: Path) -> None:
    """The same for an adapter: every A has its B, like layers are adapted alike, and each has the rank of the adapter's
    settings and the sizes of the base's tensor that it adapts."""
    found = read_headers(adapter)
    swap = {"lora_A": "lora_B", "lora_B": "lora_A"}
    pairs = {re.sub(r"lora_[AB]", lambda side: swap[side[0]], name): name for name in found}
    require_whole(adapter, pairs.keys() - found.keys(), ())
    if _adapts_all_layers(adapter):
        require_whole(adapter, set(_missing_in_layers(set(found), _decoder_config(base), complete=False)), ())
    _check_sizes(adapter, base, {name: tensor["shape"] for name, tensor in found.items()})


def _check_sizes(adapter: Path, base: Path, shapes: Mapping[str, list[int]]) -> None:
    """For plain LoRA on linear maps of an architecture whose tensors have the same names in files as peft's modules."""
    config = adapter_config(adapter)
    rank = config.get("r")
    if config.get("rank_pattern") or config.get("peft_type", "LORA") != "LORA" or not isinstance(rank, int):
        return
    alike = _decoder_config(base).get("model_type") in ALIKE
    whole = {name: tensor["shape"] for name, tensor in read_headers(base).items()}
    for name, shape in sorted(shapes.items()):
        side = _SIDE.fullmatch(name)
        if side is None or len(shape) != 2:
            continue
        adapted = whole.get(f"{side[1]}.weight")
        if alike and whole and adapted is None and not side[1].endswith(_OFTEN_TIED):
            require_whole(adapter, (), {name})
        outputs, inputs = adapted if alike and adapted is not None else (shape[0], shape[1])
        require_shape(adapter, name, shape, [rank, inputs] if side[2] == "A" else [outputs, rank])


def read_header(file: Path) -> Mapping[str, Any]:
    """A file's tensors by name, with their header entries. Raises ModelUnusable for a broken file."""
    size = file.stat().st_size
    with file.open("rb") as content:
        length = int.from_bytes(content.read(_LENGTH_BYTES), "little")
        try:
            header = json.loads(content.read(min(length, size)))
            header.pop("__metadata__", None)
            end = max((int(tensor["data_offsets"][1]) for tensor in header.values()), default=0)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError):
            raise _broken(file, "its header cannot be read") from None
    if size < (whole := _LENGTH_BYTES + length + end):
        raise _broken(file, f"it has {size:,} bytes of {whole:,}")
    tensors: Mapping[str, Any] = header
    return tensors


def read_headers(folder: Path) -> Mapping[str, Any]:
    """The header entries of all tensors in a folder's files. Raises ModelUnusable for a broken file."""
    return {name: t for file in sorted(folder.glob("*.safetensors")) for name, t in read_header(file).items()}


def _tensors(folder: Path) -> set[str]:
    """The tensors of the files in the index, each in the file it names; without an index, of all files."""
    index = folder / INDEX
    if not index.is_file():
        return set(read_headers(folder))
    try:
        places = {str(name): str(file) for name, file in json.loads(index.read_bytes())["weight_map"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _broken(index, "it is not an index of tensors") from None
    absent = sorted({file for file in places.values() if not (folder / file).is_file()})
    if absent:
        raise ModelUnusable(f"{folder} lacks {absent[0]}, which its index names.", "Copy the folder again.")
    found = {file: read_header(folder / file).keys() for file in set(places.values())}
    require_whole(folder, {name for name, file in places.items() if name not in found[file]}, ())
    return set(places)


def _missing_in_layers(names: set[str], config: Mapping[str, Any], complete: bool = True) -> Iterator[str]:
    """Tensors that a layer lacks but another has; with `complete`, also the name of each missing layer."""
    layers: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for name in names:
        if found := _LAYER.fullmatch(name):
            layers[found[1]][int(found[2])].add(found[3])
    count = config.get("num_hidden_layers")
    alike = config.get("model_type") in ALIKE
    for stack, members in layers.items():
        numbers = range(count) if isinstance(count, int) and (alike or len(layers) == 1) else sorted(members)
        wanted = set().union(*(members[number] for number in numbers)) if alike else set()
        for number in numbers:
            if not members[number] and complete:
                yield f"{stack}.{number}"
            elif alike:
                yield from (f"{stack}.{number}.{rest}" for rest in wanted - members[number])


def _adapts_all_layers(adapter: Path) -> bool:
    """Whether the adapter's settings name modules of every layer: no choice of layers, no pattern."""
    config = json.loads((adapter / "adapter_config.json").read_bytes())
    targets = config.get("target_modules")
    named = isinstance(targets, list) and not any("." in str(target) for target in targets)
    return named and not config.get("layers_to_transform") and not config.get("exclude_modules")


def _decoder_config(folder: Path) -> Mapping[str, Any]:
    """config.json, or its section for the text model."""
    try:
        config = json.loads((folder / "config.json").read_bytes())
    except ValueError:
        raise _broken(folder / "config.json", "it is not JSON") from None
    inner = config.get("text_config") if isinstance(config, dict) else None
    found: Mapping[str, Any] = inner if isinstance(inner, dict) else config if isinstance(config, dict) else {}
    return found


def _unwrapped(name: str) -> str:
    return next(name.removeprefix(each) for each in PREFIXES if name.startswith(each))


def _broken(file: Path, what: str) -> ModelUnusable:
    return ModelUnusable(f"{file} is broken: {what}.", "Copy or save it again.")
