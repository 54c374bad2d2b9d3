"""An exported model behind MLflow's pyfunc: prompts in, answers or labels out.

MLflow stores this file with the model and runs it alone, so that it needs transformers, PEFT and
torch, and none of our packages. The folder `model` is an export; `loading.json` has the lines that
load it, and the objective.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc.model import PythonModel


class Answering(PythonModel):
    """Loads the export as its model card says, and answers prompts."""

    def load_context(self, context: Any) -> None:
        """Load the model."""
        folder = Path(context.artifacts["model"])
        facts = json.loads((folder / "loading.json").read_text(encoding="utf-8"))
        names: dict[str, Any] = {"folder": str(folder)}
        exec(facts["code"], names)
        self.objective = facts["objective"]
        self.model, self.tokenizer = names["model"].eval(), names["tokenizer"]

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> list[Any]:
        """One result for each `prompt`: a text, or {label, score} of a classifier."""
        prompts = [str(prompt) for prompt in model_input["prompt"]]
        if self.objective == "classification":
            return [self._judged(prompt) for prompt in prompts]
        most = int((params or {}).get("max_new_tokens", 256))
        return [self._answer(prompt, most) for prompt in prompts]

    def _answer(self, prompt: str, most: int) -> str:
        import torch

        inputs = self._encoded(prompt)
        with torch.no_grad():
            ids = self.model.generate(**inputs, max_new_tokens=most, do_sample=False)
        new = ids[0][inputs["input_ids"].shape[1] :]
        return str(self.tokenizer.decode(new, skip_special_tokens=True))

    def _encoded(self, prompt: str) -> Any:
        """The prompt as a question in a chat; for plain language modelling as it is."""
        device = next(self.model.parameters()).device
        if self.objective == "clm":
            return self.tokenizer(prompt, return_tensors="pt").to(device)
        return self.tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt}],
            add_generation_prompt=True,
            return_tensors="pt",
            return_dict=True,
        ).to(device)

    def _judged(self, prompt: str) -> dict[str, Any]:
        import torch

        ids, eos = self.tokenizer(prompt)["input_ids"], self.tokenizer.eos_token_id
        ids += [eos] if eos is not None and ids[-1:] != [eos] else []  # as in training
        with torch.no_grad():
            inputs = torch.tensor([ids], device=next(self.model.parameters()).device)
            shares = self.model(input_ids=inputs).logits[0].float().softmax(-1)
        best = int(shares.argmax())
        return {"label": self.model.config.id2label[best], "score": float(shares[best])}


mlflow.models.set_model(Answering())
