"""Ollama's Modelfile for an export, where Ollama can use it."""

from __future__ import annotations

from results.export.exported import Exported


def refusal(model: Exported, adds_tokens: bool) -> str | None:
    """Why Ollama cannot use this export; None if it can by its documentation."""
    if not model.generates:
        return f"a model for objective {model.objective} writes no text"
    if model.whole:
        return None
    if model.method not in ("lora", "qlora") or model.trial.config.get("lora.dora"):
        return "Ollama knows no adapters but plain LoRA; export with --merge where that is possible"
    if adds_tokens:
        return "Ollama's adapters cannot add tokens; export with --merge"
    return None


def modelfile(model: Exported, eos: str | None, default_chat: bool) -> str:
    """The Modelfile. `eos` ends an answer; `default_chat` is the default rendering of chats."""
    lines = [
        f"# {model.title}. By Ollama's documentation; not tried with Ollama.",
        "# ollama create NAME -f Modelfile",
    ]
    lines += ["FROM ."] if model.whole else _adapter(model)
    if default_chat:
        lines.append(f'TEMPLATE """{_DEFAULT.replace("EOS", eos or "")}"""')
    else:
        lines.append("# Ollama reads the chat template from the tokenizer's files.")
    lines += [f"PARAMETER stop {_quoted(eos)}"] if eos else []
    return "\n".join(lines) + "\n"


def _adapter(model: Exported) -> list[str]:
    base = model.base
    if base.is_folder:
        return [f"FROM {base.name}", "ADAPTER ."]
    revision = f" --revision {base.revision}" if base.revision else ""
    return [f"# hf download {base.name}{revision} --local-dir base", "FROM ./base", "ADAPTER ."]


_DEFAULT = (
    "{{- range $index, $message := .Messages }}{{ if $index }}\n\n{{ end }}"
    '{{- if eq .Role "system" }}### System:\n{{ .Content }}'
    '{{- else if eq .Role "user" }}### User:\n{{ .Content }}'
    '{{- else if eq .Role "tool" }}### Tool:\n{{ .Content }}'
    '{{- else if eq .Role "assistant" }}### Assistant:\n{{ .Content }}EOS{{ end }}'
    "{{- end }}\n\n### Assistant:\n"
)
"""The default rendering of chats in Go's template language; EOS ends an answer."""


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
