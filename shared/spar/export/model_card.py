"""The card of an exported model: README.md with the front matter for the Hugging Face Hub."""

from spar.export.card_text import card_text
from spar.export.facts import CardFacts, RunFacts
from spar.export.licences import parts_of

_ROLES = {
    "actor": "An actor: it responds to prompts.",
    "refiner": "A refiner: it judges responses and refines bad ones, prompted with the templates of its recipe.",
}
_USE = {
    True: "PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(BASE), FOLDER)",
    False: "AutoModelForCausalLM.from_pretrained(FOLDER)",
}


def model_card(run: RunFacts, model: CardFacts, licence: str | None) -> str:
    """`licence`: the one chosen by its owner; None: none is claimed."""
    from huggingface_hub import ModelCard, ModelCardData  # a quarter of a second

    adapter = model.adapter and not model.merged
    front = ModelCardData(
        license=licence or "other",
        library_name="peft" if adapter else "transformers",
        base_model=_on_the_hub(model.base),
        tags=["spar", model.role],
    )
    text = card_text(
        "model.md.jinja",
        run=run,
        model=model,
        role=_ROLES[model.role],
        load=_USE[adapter],
        prompts=run.recipe.get("prompts", {}),
        parts=parts_of(run, [model.base]),
        chosen=licence,
    )
    return str(ModelCard(f"---\n{front}\n---\n\n{text}"))


def _on_the_hub(reference: str) -> str | None:
    return reference.removeprefix("hub:").partition("@")[0] if reference.startswith("hub:") else None
