"""Under which licences the models that recipes name were published, as their own pages say. Knows no law.

What is not in the table is not known here, and an export says so. No entry is a licence for what was made with a model.
"""

KNOWN = {
    "meta-llama/Meta-Llama-3-8B-Instruct": "llama3",
    "meta-llama/Meta-Llama-3-70B-Instruct": "llama3",
    "mistralai/Mistral-7B-Instruct-v0.3": "apache-2.0",
    "zai-org/glm-4-9b-chat-hf": "glm-4",
    "Qwen/Qwen3-0.6B": "apache-2.0",
    "HuggingFaceTB/SmolLM2-135M-Instruct": "apache-2.0",
}
"""By the hub's name of a model: the licence's name there."""
OURS = "apache-2.0"
"""Of what this project makes itself: the story world's prompts and models."""
UNKNOWN = "not known here"


def licence_of_model(reference: str) -> str:
    """Of a model as a recipe names it: `hub:ID@REVISION`, `builtin:NAME`, or something else."""
    kind, _, name = reference.partition(":")
    if kind == "builtin":
        return OURS
    return KNOWN.get(name.partition("@")[0], UNKNOWN) if kind == "hub" else UNKNOWN


def licence_of_prompts(source: str) -> str:
    return OURS if source.startswith("world:") else UNKNOWN
