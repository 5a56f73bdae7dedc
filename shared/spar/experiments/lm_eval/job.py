"""The tasks of lm-eval that measure a model, and the calls that run them. Starts nothing and reads no result."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spar.engines.openai_access import base_url, endpoint_url
from spar.inference.endpoints import Endpoint
from spar.lora import base_folder, is_adapter
from spar.recipes.general import BY_LIKELIHOOD_HERE, LM_EVAL_NAMES, RUNS_CODE

RUNS_CODE_IN = "spar.sandbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class LmEvalJob:
    """`own` is the user's folder of lm-eval task files; if it is None, the tasks are among the known ones."""

    place: Endpoint
    tasks: tuple[str, ...]
    own: Path | None = None
    limit: int | None = None
    max_tokens: int | None = None
    seed: int = 0
    by_likelihood: frozenset[str] = BY_LIKELIHOOD_HERE
    """Tasks that are scored by the likelihood of given texts."""

    @property
    def names(self) -> dict[str, str]:
        """lm-eval's task names by our names."""
        return {task: task if self.own is not None else LM_EVAL_NAMES.get(task, task) for task in self.tasks}

    @property
    def runs_code(self) -> bool:
        return self.own is None and bool(RUNS_CODE & set(self.tasks))

    def calls(self) -> list[list[str]]:
        """One call of lm-eval for the tasks of each kind."""
        kinds = [[t for t in self.tasks if (t in self.by_likelihood) == logprobs] for logprobs in (False, True)]
        return [self._call(tasks, bool(self.by_likelihood & set(tasks))) for tasks in kinds if tasks]

    def settings(self, data: str | None) -> dict[str, str | int]:
        """The settings that change a score. `data` is the digest of published files."""
        command = " && ".join(shlex.join(call) for call in self.calls())
        settings: dict[str, str | int] = {"model": self.place.model.fingerprint, "command": command}
        if data is not None:
            settings["data"] = data
        if self.runs_code:
            settings["runs_code"] = RUNS_CODE_IN
        return settings

    def _call(self, tasks: Sequence[str], logprobs: bool) -> list[str]:
        model, arguments = self._model(logprobs)
        call = [
            *("--model", model, "--model_args", ",".join(f"{key}={value}" for key, value in arguments.items())),
            *("--tasks", ",".join(self.names[task] for task in tasks)),
            *("--seed", str(self.seed), "--log_samples"),
        ]
        if not logprobs or model == "hf":
            call += ["--apply_chat_template"]
        if self.limit is not None:
            call += ["--limit", str(self.limit)]
        if self.max_tokens is not None and not logprobs:
            call += ["--gen_kwargs", f"max_gen_toks={self.max_tokens}"]
        if self.own is not None:
            call += ["--include_path", str(self.own)]
        if self.runs_code and RUNS_CODE & set(tasks):
            call += ["--confirm_run_unsafe_code"]
        return call

    def _model(self, logprobs: bool) -> tuple[str, dict[str, Any]]:
        engine, model = self.place.settings, self.place.model
        if engine.url is None:
            # lm-eval's own loader: its batches are not ours.
            return "hf", {**_loaded(Path(str(model.path)).resolve()), "dtype": engine.dtype}
        base, name = base_url(engine.url), model.name or "default"
        served = {"model": name, "num_concurrent": engine.max_batch, "max_retries": 3, "tokenized_requests": False}
        if logprobs:
            return "local-completions", {"base_url": endpoint_url(base, "completions"), **served}
        return "local-chat-completions", {"base_url": endpoint_url(base, "chat/completions"), **served}


def _loaded(folder: Path) -> dict[str, Path]:
    if not is_adapter(folder):
        return {"pretrained": folder}
    return {"pretrained": base_folder(folder), "peft": folder, "tokenizer": folder}
