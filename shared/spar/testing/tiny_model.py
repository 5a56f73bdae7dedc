"""Makes a model directory small enough for tests: a random Llama with a word-level tokenizer and a chat template.

Its words are `w0` to `wN`; unknown ones become `<unk>`. Real in every file that engines and trainers read, and able
to nothing. Loads torch when called.
"""

from pathlib import Path

CHAT_TEMPLATE = (
    "<s>{% for m in messages %} <{{ m['role'] }}> {{ m['content'] }}"
    "{% if m['role'] == 'assistant' %} </s>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %} <assistant>{% endif %}"
)
_SPECIAL = ("<pad>", "<unk>", "<s>", "</s>", "<system>", "<user>", "<assistant>")


def make_tiny_model(folder: Path, *, words: int = 64, hidden: int = 32, layers: int = 2, seed: int = 0) -> Path:
    """Write the model to `folder` and return it; the same arguments give the same bytes."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    _write_tokenizer(folder, words)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(_SPECIAL) + words,
        hidden_size=hidden,
        intermediate_size=3 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=hidden // 32 or 1,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        pad_token_id=0,
        bos_token_id=2,
        eos_token_id=3,
    )
    model = LlamaForCausalLM(config)
    model.generation_config.eos_token_id = 3
    model.save_pretrained(folder)
    return folder


def _write_tokenizer(folder: Path, words: int) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from transformers import PreTrainedTokenizerFast

    vocabulary = [*_SPECIAL, *(f"w{number}" for number in range(words))]
    tokenizer = Tokenizer(WordLevel({word: place for place, word in enumerate(vocabulary)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>", bos_token="<s>", eos_token="</s>"
    )
    fast.chat_template = CHAT_TEMPLATE
    fast.save_pretrained(folder)
