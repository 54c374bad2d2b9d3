"""Choices of a search are compared with the model before anything is trained."""

from __future__ import annotations

import json

import pytest
from tiny_training import trial

from benchmarks.families import config_of
from trainables.models.fit import Fit, misfits


@pytest.fixture
def described(tmp_path):
    """Writes the config of a family, without weights, and returns the folder."""

    def write(family, **changes):
        folder = tmp_path / family.replace(" ", "-")
        config_of(family).save_pretrained(folder)
        file = folder / "config.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))
        return str(folder)

    return write


@pytest.fixture
def judged(described, tmp_path):
    """The problems and remarks of one trial with a family."""

    def judge(family, quantization_config=None, **params):
        changes = {"quantization_config": quantization_config} if quantization_config else {}
        config = trial(model=described(family, **changes), **params)
        problems, remarks = Fit(config, tmp_path / "passed").judge([config])
        return [str(problem) for _, problem in problems], list(remarks)

    return judge


def test_missing_modules_are_refused_with_those_that_exist(judged):
    problems, _ = judged("Phi-3", lora__target_modules=["q_proj", "o_proj", "v_proj"])
    (problem,) = problems
    assert problem.startswith(
        "lora.target_modules: Phi3ForCausalLM has no module named 'q_proj' or 'v_proj'; it has "
    )
    assert "qkv_proj" in problem and "o_proj" in problem


def test_a_module_that_is_no_layer_is_refused_with_its_layers(judged):
    problems, _ = judged("Llama", lora__target_modules=["mlp"])
    assert problems == [
        "lora.target_modules: 'mlp' of LlamaForCausalLM is a LlamaMLP, not a layer; name its "
        "layers: gate_proj, up_proj, down_proj"
    ]
    assert judged("Llama", lora__target_modules=["norm"])[0]


@pytest.mark.parametrize("family", ["Mamba", "Mamba 2"])
def test_layers_whose_weights_a_mixer_uses_itself_are_left_out_and_said(judged, family):
    problems, (remark,) = judged(family)
    assert problems == []
    assert "all-linear leaves out" in remark and "out_proj" in remark.partition("of Mamba")[0]
    assert remark.endswith("it adapts in_proj.")
    (refusal,) = judged(family, lora__target_modules=["in_proj", "out_proj"])[0]
    assert "uses the weight of 'out_proj' without calling the layer" in refusal
    assert refusal.endswith("use all-linear, or in_proj")


@pytest.mark.parametrize("family", ["Llama", "GPT-2", "BLOOM", "Falcon", "Phi-3", "OLMo 2"])
def test_transformers_without_mixers_have_nothing_left_out(judged, family):
    assert judged(family) == ([], [])


@pytest.mark.parametrize("family", ["Qwen 3 MoE", "Mixtral", "GPT-OSS"])
def test_experts_are_said_to_get_adapters_or_not(judged, family):
    for chosen, state in (
        ("all-linear", "adapts the experts"),
        ("mlp", "adapts the experts"),
        ("attention", "does not adapt the experts"),
    ):
        problems, (remark,) = judged(family, lora__target_modules=chosen)
        assert problems == []
        assert remark.startswith(f"lora.target_modules: {chosen} {state} of ")
        assert ("gate_up_proj" in remark) == (chosen != "attention")
    assert judged("Llama", lora__target_modules="mlp") == ([], [])


def test_layers_that_are_taken_for_experts_are_left_out_of_four_bits_and_said(judged):
    (remark,) = judged("DeepSeek-V3", method="qlora")[1]
    assert "nor gate_proj, up_proj, down_proj, which are quantised" in remark


@pytest.mark.parametrize(
    ("setting", "value"), [("dropout", 0.1), ("dora", True), ("init", "pissa")]
)
def test_settings_for_layers_are_refused_with_experts(judged, setting, value):
    params = {f"lora__{setting}": value}
    (refusal,) = judged("Mixtral", lora__target_modules="mlp", **params)[0]
    assert refusal.startswith(f"lora.{setting}: ")
    assert judged("Mixtral", lora__target_modules="attention", **params)[0] == []


def test_tied_embeddings_among_the_targets_are_said(judged):
    (remark,) = judged("Gemma 2", lora__target_modules=["q_proj", "embed_tokens"])[1]
    assert "embed_tokens of Gemma2ForCausalLM shares its weight with lm_head" in remark
    assert "merging" in remark
    assert judged("Llama", lora__target_modules=["q_proj", "embed_tokens"]) == ([], [])
    (remark,) = judged("Gemma 2", method="freeze", freeze__modules=["lm_head"])[1]
    assert remark.startswith("freeze.modules: lm_head of Gemma2ForCausalLM shares its weight")


NF4 = {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}
GPTQ = {"quant_method": "gptq", "bits": 4}
FP8 = {"quant_method": "fp8"}


@pytest.mark.parametrize("held", [NF4, GPTQ, FP8, {"quant_method": "awq", "bits": 4}])
def test_weights_that_are_quantised_cannot_be_trained(judged, held):
    for method in ("full", "freeze"):
        (refusal,) = judged("Llama", held, method=method)[0]
        assert refusal.startswith(f"method: {method} trains the weights of LlamaForCausalLM")
        assert "use lora" in refusal
    for method in ("lora", "adapter", "prefix"):
        problems, remarks = judged("Llama", held, method=method)
        assert problems == []
        assert "quantised already" in remarks[0]
    assert judged("Llama", held, lora__init="pissa")[0][0].startswith("lora.init: pissa")


def test_qlora_takes_a_base_that_is_in_four_bits_as_it_is(judged):
    assert judged("Llama", NF4, method="qlora")[0] == []
    (refusal,) = judged("Llama", NF4, method="qlora", quantization__type="fp4")[0]
    assert refusal.startswith("quantization.type: is fp4")
    assert "set quantization.type: nf4" in refusal
    assert judged("Llama", GPTQ, method="qlora")[0][0].startswith("method: qlora quantises")


@pytest.mark.parametrize("family", ["Mamba 2", "Jamba", "DeepSeek-V3"])
def test_a_prefix_is_refused_where_keys_and_values_are_kept_otherwise(judged, family):
    (refusal,) = judged(family, method="prefix")[0]
    assert refusal.startswith("method: prefix trains keys and values, but ")
    assert judged("Falcon", method="prefix")[0] == []


def test_a_prefix_longer_than_the_attention_window_is_refused(judged):
    (refusal,) = judged("Gemma 3", method="prefix", prefix__virtual_tokens=8)[0]
    assert refusal.startswith("prefix.virtual_tokens: 8 do not fit into the attention window")
    problems, (remark,) = judged("Gemma 3", method="prefix", prefix__virtual_tokens=7)
    assert problems == [] and "the last 8 tokens" in remark


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"freeze__last_blocks": 3}, "freeze.last_blocks: 3 is more than the 2 blocks"),
        ({"freeze__last_blocks": 0}, "freeze.last_blocks: 0 without freeze.modules trains nothing"),
        ({"freeze__modules": ["wte"]}, "freeze.modules: LlamaForCausalLM has no module named"),
    ],
)
def test_what_cannot_be_frozen_is_refused(judged, params, message):
    assert judged("Llama", method="freeze", **params)[0][0].startswith(message)


@pytest.mark.parametrize("placement", ["pfeiffer", "houlsby"])
@pytest.mark.parametrize("family", ["Mixtral", "Qwen 3 MoE", "GPT-OSS", "OPT", "Jamba"])
def test_bottleneck_adapters_find_their_places(judged, family, placement):
    assert judged(family, method="adapter", adapter__placement=placement)[0] == []


def test_a_bottleneck_adapter_after_attention_needs_attention(judged):
    assert judged("Mamba 2", method="adapter")[0] == []
    (refusal,) = judged("Mamba 2", method="adapter", adapter__placement="houlsby")[0]
    assert refusal.startswith(
        "adapter.placement: the blocks of Mamba2ForCausalLM have no attention"
    )


@pytest.mark.parametrize(
    ("family", "fault"), [("BLOOM", "does not accept position ids"), ("Mamba 2", "carries a state")]
)
def test_packing_is_refused_where_examples_cannot_be_kept_apart(judged, family, fault):
    packed = {"data": {"train": "unused", "packing": True}}
    (refusal,) = judged(family, **packed)[0]
    assert refusal.startswith("data.packing: ") and fault in refusal
    assert judged("Mistral", **packed)[0] == []


def test_a_model_of_another_kind_than_the_objective_needs_is_refused(judged):
    from trainables.core.errors import ModelError

    with pytest.raises(ModelError, match=r"is an encoder, .* use objective: classification"):
        judged("BERT")
    with pytest.raises(ModelError, match="of type mamba2, for which transformers has no model"):
        judged("Mamba 2", objective="classification")


def test_a_second_look_needs_neither_torch_nor_transformers(described, tmp_path, monkeypatch):
    config = trial(model=described("Mamba 2"))
    first = Fit(config, tmp_path / "passed").judge([config])
    monkeypatch.setattr("trainables.models.skeleton.skeleton", None)
    assert Fit(config, tmp_path / "passed").judge([config]) == first
    other = config.with_params({"lora.target_modules": "attention"})
    with pytest.raises(TypeError):
        Fit(config, tmp_path / "passed").judge([other])


def test_a_trial_is_refused_by_the_same_check(judged, tmp_path):
    from trainables.models.skeleton import skeleton

    config = trial(model=str(tmp_path / "Phi-3"), lora__target_modules=["q_proj"])
    said = judged("Phi-3", lora__target_modules=["q_proj"])[0]
    assert [
        str(each) for each in misfits(skeleton(config.model_source, "sft", False), config)
    ] == said


def test_an_attention_that_the_model_lacks_is_refused_with_those_it_has(judged):
    """As their code in transformers says: BLOOM has its own, GPT-2 no flex, Gemma 2 no sdpa."""
    asked = {"precision": "bf16", "attention": "flash_attention_2"}
    (problem,) = judged("BLOOM", **asked)[0]
    assert problem == (
        "attention: BloomForCausalLM does not support flash_attention_2; use auto or eager"
    )
    (problem,) = judged("GPT-2", attention="flex")[0]
    assert problem.endswith("use auto, sdpa, flash_attention_2 or eager")
    (problem,) = judged("Gemma 2", attention="sdpa")[0]
    assert problem.endswith("use auto, flash_attention_2, flex or eager")
    for attention in ("auto", "sdpa", "eager", "flash_attention_2", "flex"):
        assert judged("Llama", attention=attention, precision="bf16")[0] == []
