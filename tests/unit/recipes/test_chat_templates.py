"""The carried chat templates keep what they have written: each turn is a prefix of the next."""

from importlib import resources

import jinja2


def test_qwen3_without_thoughts_is_written_by_prefix() -> None:
    text = (resources.files("spar.recipes") / "chat_templates" / "qwen3-plain.jinja").read_text()
    template = jinja2.Environment(trim_blocks=True, lstrip_blocks=True).from_string(text)
    turns = [{"role": role, "content": f" {role}\n"} for role in ("user", "assistant", "user", "assistant")]
    written = ""
    for count in (1, 3):
        prompt = template.render(messages=turns[:count], add_generation_prompt=True)
        assert prompt.startswith(written)
        written = template.render(messages=turns[: count + 1])
        assert written == prompt + " assistant\n<|im_end|>\n"
    assert template.render(messages=turns[:1]) == "<|im_start|>user\n user\n<|im_end|>\n"
