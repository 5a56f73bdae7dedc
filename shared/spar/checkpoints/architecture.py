"""Checks, before weights are read, that a folder has exactly the tensors of its architecture, in the right shapes.

transformers knows each architecture's tensors, which of them are tied and which may be absent. It loads the names and
shapes from the files' headers, as tensors on the meta device, into a model on the meta device. What it does not know is
left to the loader: architectures of other libraries, remote code, quantised weights. Imports torch and transformers
when called; without them nothing is checked.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from spar.checkpoints.headers import check_weights, read_headers
from spar.checkpoints.wholeness import require_shape, require_whole
from spar.errors import ModelUnusable

_NEEDED = ("torch", "transformers", "accelerate")


def check_architecture(folder: Path) -> None:
    """Raises ModelUnusable naming the first tensor that is missing, unexpected or of a wrong shape."""
    check_weights(folder)
    if any(find_spec(package) is None for package in _NEEDED):
        return
    shapes = {name: tensor["shape"] for name, tensor in read_headers(folder).items()}
    known = _architecture(folder)
    if known is None or not shapes:
        return
    info = _loaded_empty(folder, *known, shapes)
    for name, found, wanted in sorted(info["mismatched_keys"]):
        require_shape(folder, name, tuple(found), tuple(wanted))
    require_whole(folder, info["missing_keys"], info["unexpected_keys"])


def _architecture(folder: Path) -> tuple[Any, Any] | None:
    """The class and configuration of a causal language model built into transformers; None for anything else."""
    from transformers import AutoConfig, AutoModelForCausalLM

    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError):
        return None  # the engine or trainer that loads it reports what is wrong
    if getattr(config, "quantization_config", None) is not None:
        return None
    known = AutoModelForCausalLM._model_mapping.get(type(config), None)
    named = getattr(config, "architectures", None) or []
    classes = known if isinstance(known, tuple) else (known,)
    chosen = next((each for each in classes if each is not None and each.__name__ in named), None)
    return None if chosen is None else (chosen, config)


def _loaded_empty(folder: Path, architecture: Any, config: Any, shapes: Mapping[str, list[int]]) -> Mapping[str, Any]:
    """What transformers finds missing, unexpected or mismatched among tensors of these shapes."""
    import torch

    empty = {name: torch.empty(shape, dtype=torch.float32, device="meta") for name, shape in shapes.items()}
    with _silent():
        try:
            _, info = architecture.from_pretrained(
                None,
                config=config,
                state_dict=empty,
                device_map="meta",
                dtype=torch.float32,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
            )
        except RuntimeError as error:
            raise ModelUnusable(
                f"The weights in {folder} are not those of its model: {str(error).splitlines()[0]}",
                "Copy the folder again, or save the model again; config.json and weights must be of one model.",
            ) from error
    found: Mapping[str, Any] = info
    return found


@contextmanager
def _silent() -> Iterator[None]:
    """Suppresses transformers' report of each tensor and its progress bar."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
