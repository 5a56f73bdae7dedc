"""How an exported model becomes a GGUF file for llama.cpp and what builds on it: commands, written beside the model.

Converts nothing itself; says so where the tools cannot. docs/data.md tells with which versions the commands were run.
"""

import json
from pathlib import Path

FILE = "GGUF.md"
KNOWN_TOKENIZERS = ("BPE", "Unigram")
"""What tokenizer.json may hold for convert_hf_to_gguf.py; other kinds have no form in GGUF."""
_TOOLS = """With a checkout of llama.cpp in this folder (github.com/ggml-org/llama.cpp) and its programs built. Its
converters need transformers 5, which wrote this model; with version 4, which llama.cpp's requirements name, they stop:
"Tokenizer class TokenizersBackend does not exist".

```
pip install torch sentencepiece 'transformers>=5'"""


def instructions(name: str, folder: Path, adapter: bool) -> str:
    """For the model in this folder. `name` is what its files are called."""
    kind = tokenizer_kind(folder)
    if kind not in (None, *KNOWN_TOKENIZERS):
        steps = _without_form(str(kind))
    else:
        steps = _adapter(name) if adapter else _whole(name)
    return f"# {name} as GGUF\n\n{steps}"


def tokenizer_kind(folder: Path) -> str | None:
    """What kind of tokenizer tokenizer.json describes; None without one."""
    path = folder / "tokenizer.json"
    if not path.is_file():
        return None
    found = json.loads(path.read_bytes()).get("model", {}).get("type")
    return None if found is None else str(found)


def _without_form(kind: str) -> str:
    known = " and ".join(KNOWN_TOKENIZERS)
    return f"""**GGUF cannot hold this model's tokenizer**, a {kind} one; it has forms for {known}.
llama.cpp's convert_hf_to_gguf.py takes it for a BPE that it does not know and stops: "BPE pre-tokenizer was not
recognized". Serve the model from this folder instead: `spar serve`, or transformers.
"""


def _whole(name: str) -> str:
    return f"""{_TOOLS}
python llama.cpp/convert_hf_to_gguf.py . --outfile {name}-f16.gguf --outtype f16
llama-quantize {name}-f16.gguf {name}-Q4_K_M.gguf Q4_K_M
llama-completion -m {name}-Q4_K_M.gguf -st -p "..."
```

The chat template goes into the file. "BPE pre-tokenizer was not recognized" says that llama.cpp does not know this
model's tokenizer: there is no file of it then. For Ollama, write a `Modelfile` that says `FROM ./{name}-Q4_K_M.gguf`,
then `ollama create {name} -f Modelfile`. Quantised to four bits a model is not the one that was measured: measure it
again.
"""


def _adapter(name: str) -> str:
    return f"""This is an adapter. Merge it into its base for a file that stands alone: `spar export ... --merge`.
Or convert the two apart, with the base's folder at BASE. {_TOOLS}
python llama.cpp/convert_lora_to_gguf.py . --base BASE --outfile {name}-lora-f16.gguf --outtype f16
python llama.cpp/convert_hf_to_gguf.py BASE --outfile base-f16.gguf --outtype f16
llama-completion -m base-f16.gguf --lora {name}-lora-f16.gguf -st -p "..."
```
"""
