"""Instructions for converting an exported model to GGUF for llama.cpp and related tools, written beside the model.

Converts nothing itself; states where the tools cannot. docs/data.md lists the versions that the commands were run with.
"""

import json
from pathlib import Path

FILE = "GGUF.md"
KNOWN_TOKENIZERS = ("BPE", "Unigram")
"""The tokenizer types that convert_hf_to_gguf.py accepts; others have no representation in GGUF."""
_TOOLS = """With a checkout of llama.cpp in this folder (github.com/ggml-org/llama.cpp) and its programs built. Its
converters need transformers 5, which wrote this model; with version 4, which llama.cpp's requirements name, they stop:
"Tokenizer class TokenizersBackend does not exist".

```
pip install torch sentencepiece 'transformers>=5'"""


def instructions(name: str, folder: Path, adapter: bool) -> str:
    """The instructions for the model in this folder. `name`: the name of its files."""
    kind = tokenizer_kind(folder)
    if kind not in (None, *KNOWN_TOKENIZERS):
        steps = _without_form(str(kind))
    else:
        steps = _adapter(name) if adapter else _whole(name)
    return f"# {name} as GGUF\n\n{steps}"


def tokenizer_kind(folder: Path) -> str | None:
    """The type of tokenizer in tokenizer.json; None without one."""
    path = folder / "tokenizer.json"
    if not path.is_file():
        return None
    found = json.loads(path.read_bytes()).get("model", {}).get("type")
    return None if found is None else str(found)


def _without_form(kind: str) -> str:
    known = " and ".join(KNOWN_TOKENIZERS)
    return f"""**GGUF cannot hold this model's tokenizer**, a {kind} one; it supports {known}.
llama.cpp's convert_hf_to_gguf.py takes it for an unknown BPE tokenizer and stops: "BPE pre-tokenizer was not
recognized". Serve the model from this folder instead: `spar serve`, or transformers.
"""


def _whole(name: str) -> str:
    return f"""{_TOOLS}
python llama.cpp/convert_hf_to_gguf.py . --outfile {name}-f16.gguf --outtype f16
llama-quantize {name}-f16.gguf {name}-Q4_K_M.gguf Q4_K_M
llama-completion -m {name}-Q4_K_M.gguf -st -p "..."
```

The chat template is included in the file. "BPE pre-tokenizer was not recognized" means that llama.cpp does not know
this model's tokenizer and cannot convert it. For Ollama, write a `Modelfile` with `FROM ./{name}-Q4_K_M.gguf`, then run
`ollama create {name} -f Modelfile`. A model quantised to four bits is not the one that was evaluated: evaluate it
again.
"""


def _adapter(name: str) -> str:
    return f"""This is an adapter. Merge it into its base for a self-contained file: `spar export ... --merge`.
Or convert the two separately, with the base's folder at BASE. {_TOOLS}
python llama.cpp/convert_lora_to_gguf.py . --base BASE --outfile {name}-lora-f16.gguf --outtype f16
python llama.cpp/convert_hf_to_gguf.py BASE --outfile base-f16.gguf --outtype f16
llama-completion -m base-f16.gguf --lora {name}-lora-f16.gguf -st -p "..."
```
"""
