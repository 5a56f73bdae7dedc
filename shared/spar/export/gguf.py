"""How an exported model becomes a GGUF file for llama.cpp and what builds on it: commands, written beside the model.

Converts nothing itself; says so where the tools cannot.
"""

import json
from pathlib import Path

FILE = "GGUF.md"
KNOWN_TOKENIZERS = ("BPE", "Unigram")
"""What tokenizer.json may hold for convert_hf_to_gguf.py; other kinds have no form in GGUF."""


def instructions(name: str, folder: Path, adapter: bool) -> str:
    """For the model in this folder. `name` is what its files are called."""
    parts = [f"# {name} as GGUF\n", _adapter(name) if adapter else _whole(name)]
    if (kind := tokenizer_kind(folder)) not in (None, *KNOWN_TOKENIZERS):
        parts.insert(
            1,
            f"**llama.cpp cannot hold this model's tokenizer** (a {kind} one): the steps below will stop there.\n",
        )
    return "\n".join(parts)


def tokenizer_kind(folder: Path) -> str | None:
    """What kind of tokenizer tokenizer.json describes; None without one."""
    path = folder / "tokenizer.json"
    if not path.is_file():
        return None
    found = json.loads(path.read_bytes()).get("model", {}).get("type")
    return None if found is None else str(found)


def _whole(name: str) -> str:
    return f"""With a checkout of llama.cpp in this folder (github.com/ggml-org/llama.cpp; its requirements installed):

```
python llama.cpp/convert_hf_to_gguf.py . --outfile {name}-f16.gguf --outtype f16
llama-quantize {name}-f16.gguf {name}-Q4_K_M.gguf Q4_K_M
llama-cli -m {name}-Q4_K_M.gguf -p "..."
```

The chat template goes into the file. For Ollama, write a `Modelfile` that says `FROM ./{name}-Q4_K_M.gguf`, then
`ollama create {name} -f Modelfile`. Quantised to four bits a model is not the one that was measured: measure it again.
"""


def _adapter(name: str) -> str:
    return f"""This is an adapter. Merge it into its base for a file that stands alone: `spar export ... --merge`.
Or convert the two apart, with the base's folder at BASE:

```
python llama.cpp/convert_lora_to_gguf.py . --base BASE --outfile {name}-lora-f16.gguf --outtype f16
python llama.cpp/convert_hf_to_gguf.py BASE --outfile base-f16.gguf --outtype f16
llama-cli -m base-f16.gguf --lora {name}-lora-f16.gguf -p "..."
```
"""
