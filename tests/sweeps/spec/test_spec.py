from __future__ import annotations

import time

import pytest
import yaml
from spec_samples import problems_of, sft_tree, toy_tree

from search_spaces import presets
from search_spaces.dotted import leaves
from sweeps.base.errors import YamlError
from sweeps.spec.fields import changed, with_overrides
from sweeps.spec.settings import SearchSettings
from sweeps.spec.spec import SpecError, SweepSpec
from trainables.config.searchable import NOT_SEARCHABLE
from trainables.config.trial import TrialConfig, field_names


def test_a_spec_reads_back_from_its_own_text():
    spec = SweepSpec.parse(toy_tree())
    assert SweepSpec.parse(yaml.safe_load(spec.text())) == spec


def test_any_field_may_be_written_by_its_dotted_name(tmp_path):
    dotted = {
        "name": "real",
        "model": "org/model",
        "data.train": str(tmp_path / "data.jsonl"),
        "budget.trials": 4,
        "budget.steps": 30,
        "search.seed": 7,
        "slots.count": 2,
        "confirm.top": 2,
        "evaluation.metrics": ["eval_exact_match"],
        "space.learning_rate": {"log_uniform": [1e-4, 1e-3]},
    }
    plain = sft_tree(
        tmp_path,
        budget={"trials": 4, "steps": 30},
        search={"seed": 7},
        slots={"count": 2},
        confirm={"top": 2},
        evaluation={"metrics": ["eval_exact_match"]},
    )
    assert SweepSpec.parse(dotted) == SweepSpec.parse(plain)


def test_every_mistake_is_reported_at_once_with_its_place_and_way_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tree = {
        "name": "a sweep",
        "model": "./nowhere",
        "objective": "sft",
        "data": {"train": "nothing.jsonl"},
        "precission": "bf16",
        "lora": {"rnk": 8},
        "budget": {"trials": 4, "steps": 10, "tokens": 100},
        "search": {"sampler": "grid", "metric": "eval_los"},
        "slots": {"workers": 3},
        "space": {
            "learning_rate": {"log_uniform": [1e-3, 1e-5]},
            "lora.dropout": {"uniform": [0, 0.5]},
            "lora.rank": {"choice": [0, 8]},
            "wsd.decay_fraction": {"uniform": [0.1, 0.4], "when": {"shedule": "wsd"}},
            "model": {"choice": ["a", "b"]},
        },
    }
    found = "\n".join(problems_of(tree))
    for expected in (
        "name: 'a sweep' is not a valid name; use at most 64 letters",
        "precission: is not a known field; did you mean precision?",
        "lora.rnk: is not a known field; did you mean rank?",
        "budget: steps and tokens are both set; keep one of them",
        "space.learning_rate: log_uniform [0.001, 1e-05] has low above high; swap them",
        "when names shedule, which is not in the space",
        "space.model: cannot be searched: losses per token of two tokenizers",
        "search.metric: objective sft does not measure 'eval_los'; did you mean eval_loss?",
        "space.lora.dropout: grid: uniform [0.0, 0.5] is continuous",
        "space.lora.rank: 0: input should be greater than 0",
        "batch_size: 16 is not divisible by the 3 workers of a slot",
        "model: folder ./nowhere does not exist",
        "data.train: file nothing.jsonl does not exist",
    ):
        assert expected in found


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"space": None}, "space: is missing"),
        ({"space": "lorra"}, "did you mean lora?"),
        ({"budget": {"evaluations": 2}}, "budget.trials: is missing"),
        ({"budget": {"trails": 4}}, "budget.trails: is not a known field; did you mean trials?"),
        ({"budget": {"trials": 0}}, "budget.trials: must be a positive integer, got 0"),
        (
            {"seed": 3},
            "seed: can be set only for a single trial (budget.trials: 1); set search.seed",
        ),
        ({"learning_rate": 1e-4}, "space.learning_rate: is also set at the top level"),
        ({"lora": {"rank": 8}}, "space.lora.rank: is also set at the top level"),
        ({"objective": "sft"}, "objective: sft needs data; add data: {train: FILE}"),
        ({"slots": {"gpus": 2.0}}, "gpus must be at most 1 per worker, got 2; raise workers"),
        ({"slots": {"deepspeed": {"zero_stage": 7}}}, "slots.deepspeed.zero_stage: 7"),
        ({"search": {"first_points": [{"lora.rank": 5}]}}, "search.first_points[1].lora.rank"),
        (
            {"space": {"lora.rank": {"log_uniform": [2, 64]}}},
            "a valid integer, got a number with a fractional part; search it with int or log_int",
        ),
        (
            {"space": {"batch_size": {"int": [8, 64]}}, "slots": {"workers": 2}},
            "space.batch_size: 9 is not divisible by the 2 workers of a slot; use a multiple of 2",
        ),
        (
            {"wsd": {"decay_fraction": 0.3}, "wsd.decay_fraction": 0.2},
            "wsd.decay_fraction: is set twice",
        ),
    ],
)
def test_a_mistake_is_told_with_its_way_out(change, message):
    assert message in "\n".join(problems_of(toy_tree(**change)))


@pytest.mark.parametrize(
    ("field", "most"),
    [
        ("budget.trials", "1,000,000"),
        ("budget.steps", "100000000"),
        ("budget.tokens", "1000000000000000"),
        ("budget.epochs", "1000000"),
        ("budget.evaluations", "10000"),
        ("batch_size", "2147483647"),
        ("micro_batch_size", "2147483647"),
        ("lora.rank", "65536"),
        ("data.max_length", "2147483648"),
        ("data.seed", "9223372036854775808"),
        ("slots.count", "10000"),
        ("slots.workers", "10000"),
        ("slots.retries", "10000"),
        ("slots.keep_best", "2147483647"),
        ("slots.trial_timeout", "1000000000"),
    ],
)
def test_a_number_that_nothing_could_hold_is_refused_with_the_bound(field, most):
    fine = toy_tree(data={"train": "rows.json"}, space={"learning_rate": {"choice": [1, 2]}})
    problems = problems_of(changed(fine, field, 10**39))
    (told,) = (each for each in problems if each.startswith(f"{field}: "))
    assert "1000000000000000000" in told and most in told


@pytest.mark.parametrize("domain", [{"int": [1, 2**31 - 1]}, {"log_int": [1, 2**31 - 1]}])
def test_a_wide_domain_is_checked_without_writing_it_out(domain):
    began = time.process_time()
    SweepSpec.parse(toy_tree(space={"batch_size": domain}))
    fine_steps = {"quantized": [0.1, 0.9, 2**-23 * 0.8]}
    problems_of(toy_tree(space={"lora.dropout": fine_steps, "lora.rank": {"int": [1, 2**40]}}))
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("field", "value", "way_out"),
    [
        ("search.storage", "foo", "write postgresql://HOST/DATABASE, or leave it out"),
        ("search.storage", "", "write postgresql://HOST/DATABASE, or leave it out"),
        ("search.storage", "postgresql://host:port/x", "write postgresql://HOST/DATABASE"),
        *(
            ("tracking.uri", uri, "write https://HOST, postgresql://HOST/DATABASE, sqlite")
            for uri in ("", "foo", "ftp://x", "http://[::1", "http://:80", "http://a:x", "sqlite:x")
        ),
        ("tracking.experiment", "x" * 501, "at most 500 characters"),
        ("tracking.experiment", "", "at least 1 character"),
        ("model", "", "names no model; use a folder, a hub id or builtin:NAME"),
        ("model_revision", "../../x", "is not a valid branch, tag or commit of a hub model"),
        ("model_revision", "", "is not a valid branch, tag or commit of a hub model"),
        *(
            ("data.encoding", encoding, "is not a text encoding; use utf-8, utf-16")
            for encoding in ("idna", "punycode", "unicode_escape", "raw_unicode_escape", "hex")
        ),
        ("data.mix.proportion", 1.0, "less than 1"),
    ],
)
def test_what_would_only_fail_later_is_refused_with_its_value(field, value, way_out):
    data = {"train": "org/data", "mix": {"train": "org/other"}}
    fine = toy_tree(objective="sft", model="org/model", data=data, search={})
    SweepSpec.parse(fine)
    (problem,) = problems_of(changed(fine, field, value))
    assert problem.startswith(f"{field}: {value!r}") and way_out in problem


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("search.storage", "postgresql+psycopg://me@host:5432/x"),
        ("search.storage", "sqlite:///a/b.db"),
        ("tracking.uri", "http://[::1]:5000/path"),
        ("tracking.uri", "databricks://profile"),
        ("model_revision", "refs/pr/1"),
        ("model_revision", "v1.0-rc+1"),
        *(("data.encoding", name) for name in ("UTF8", "utf-16-le", "shift_jis", "cp1252", "hz")),
    ],
)
def test_what_is_rare_and_right_is_taken(field, value):
    data = {"train": "org/data"}
    SweepSpec.parse(
        changed(toy_tree(objective="sft", model="org/m", data=data, search={}), field, value)
    )


TWO = {"metrics": {"eval_loss": "min", "eval_cost": "min"}}


def test_several_metrics_keep_their_order_and_stop_nothing_early():
    search = SweepSpec.parse(toy_tree(search=TWO)).search
    assert list(search.goals.items()) == [("eval_loss", "min"), ("eval_cost", "min")]
    assert (search.metric, search.direction, search.early_stopping) == ("eval_loss", "min", "none")
    usual = SweepSpec.parse(toy_tree(search={"metrics": {"eval_cost": None, "eval_loss": "max"}}))
    assert usual.search.goals == {"eval_cost": "min", "eval_loss": "max"}
    single = SweepSpec.parse(toy_tree(search={})).search
    assert (single.goals, single.early_stopping) == ({"eval_loss": "min"}, "asha")


@pytest.mark.parametrize(
    ("search", "message"),
    [
        ({**TWO, "metric": "eval_loss"}, "search: metrics and metric are both set; keep one"),
        ({**TWO, "mode": "min"}, "search: metrics and mode are both set; keep one"),
        ({"metrics": {"eval_loss": "min"}}, "search: metrics needs two or more names; write"),
        ({"metrics": {}}, "search: metrics needs two or more"),
        (
            {"metrics": {"eval_loss": "min", "eval_cots": "min"}},
            "search.metrics.eval_cots: objective toy does not measure 'eval_cots'; did you mean "
            "eval_cost?",
        ),
        ({"metrics": {"eval_loss": "min", "eval_cost": "low"}}, "search.metrics.eval_cost: 'low'"),
        ({**TWO, "sampler": "cmaes"}, "search.sampler: cmaes supports one metric, and "
         "search.metrics names several; use tpe, "),
        ({**TWO, "early_stopping": "asha"}, "search.early_stopping: asha compares unfinished "
         "trials by one metric"),
        ({**TWO, "early_stopping": "median"}, "with several metrics, leave it out or use none"),
    ],
)  # fmt: skip
def test_what_several_metrics_cannot_have_is_refused_with_the_reason(search, message):
    assert message in "\n".join(problems_of(toy_tree(search=search)))


def test_fields_that_do_not_fit_together_hide_no_other_mistake(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tree = toy_tree(
        objective="sft",
        data={"train": "nothing.jsonl"},
        schedule="wsd",
        warmup_fraction=0.9,
        search={"metric": "foo"},
    )
    found = "\n".join(problems_of(tree))
    for expected in (
        "more than the whole run",
        "does not measure 'foo'",
        "file nothing.jsonl does not exist",
    ):
        assert expected in found


def test_an_empty_file_is_found_before_a_model_is_built(tmp_path):
    (tmp_path / "a.jsonl").touch()
    tree = toy_tree(objective="sft", data={"train": str(tmp_path / "a.jsonl")})
    assert any("a.jsonl is empty (0 bytes); download or write" in p for p in problems_of(tree))


def test_a_data_set_of_the_hub_is_no_missing_file_and_a_columns_role_must_exist():
    tree = toy_tree(objective="sft", model="org/model", data={"train": "org/data-set:config"})
    assert SweepSpec.parse(tree).trial.data.train == "org/data-set:config"
    tree["data"] = {"train": "org/data-set", "columns": {"txt": "sentence"}}
    assert any("'txt' is not a known field; did you mean text" in p for p in problems_of(tree))


def language_tree(tmp_path, **data):
    for name in ("rows.jsonl", "more.jsonl"):
        (tmp_path / name).write_text("x")
    files = {"train": str(tmp_path / "rows.jsonl"), **data}
    return toy_tree(objective="sft", model="org/model", data=files)


def test_a_chat_template_is_a_name_or_a_file(tmp_path):
    (tmp_path / "my.jinja").write_text("{{ messages }}")
    for template in ("chatml", str(tmp_path / "my.jinja")):
        tree = language_tree(tmp_path, template=template)
        assert SweepSpec.parse(tree).trial.data.template == template
    found = problems_of(language_tree(tmp_path, template="chatlm"))
    expected = "data.template: chatlm is neither a file nor a named template; did you mean chatml?"
    assert any(each.startswith(expected) for each in found)


def test_the_share_of_a_replay_set_can_be_searched_and_nothing_else_of_the_data(tmp_path):
    space = {"data.mix.proportion": {"uniform": [0.0, 0.5]}}
    more = str(tmp_path / "more.jsonl")
    tree = language_tree(tmp_path, mix={"train": more}) | {"space": space}
    spec = SweepSpec.parse(tree)
    assert spec.trial.with_params({"data.mix.proportion": 0.25}).data.mix.proportion == 0.25
    without = language_tree(tmp_path) | {"space": space}
    told = [each for each in problems_of(without) if "data.mix.train" in each]
    assert told == [
        "space.data.mix.proportion: needs data.mix.train, which is not set; set data.mix.train"
    ]
    for name in ("data.max_length", "data.mix.train", "data.general"):
        wrong = tree | {"space": {name: {"choice": [16, 32]}}}
        assert any(f"space.{name}: cannot be searched" in p for p in problems_of(wrong))
    fixed = language_tree(tmp_path, mix={"train": more, "proportion": 0.1}) | {"space": space}
    assert any("is also set at the top level" in problem for problem in problems_of(fixed))


@pytest.mark.parametrize("metric", ["eval_general_loss", "eval_general_change"])
def test_forgetting_is_a_metric_where_there_is_a_general_set(tmp_path, metric):
    tree = language_tree(tmp_path) | {"search": {"metric": metric}}
    assert any(f"{metric} is measured only with data.general" in p for p in problems_of(tree))
    tree["data"]["general"] = str(tmp_path / "more.jsonl")
    assert SweepSpec.parse(tree).search.direction == "min"
    tree["data"]["general"] = "nothing.jsonl"
    assert any("data.general: file nothing.jsonl does not exist" in p for p in problems_of(tree))


@pytest.mark.parametrize(
    ("metric", "mode"),
    [
        ("eval_loss", "min"),
        ("eval_reward_margin", "max"),
        ("eval_rejected_reward", "min"),
        ("eval_kl", "min"),
        ("eval_f1/negative", "max"),
    ],
)
def test_a_metrics_direction_is_the_declared_one_unless_the_spec_says_otherwise(metric, mode):
    assert SearchSettings(metric=metric).goals == {metric: mode}
    assert SearchSettings(metric=metric, mode="max").direction == "max"
    several = SearchSettings(metrics={metric: None, "eval_accuracy": "min"})
    assert several.goals == {metric: mode, "eval_accuracy": "min"}


def test_a_metric_of_unknown_direction_is_never_maximised_silently():
    with pytest.raises(ValueError, match=r"'eval_new'.*known: eval_loss \(min, nats\), "):
        _ = SearchSettings(metric="eval_new").direction


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("budget.trials=+4", "budget.trials", 10),
        ("budget.trials= +4", "budget.trials", 10),
        ("slots.retries=+1", "slots.retries", 3),
        ("budget.trials=4", "budget.trials", 4),
        ("lora.rank=4", "lora.rank", 4),
    ],
)
def test_a_whole_number_of_a_budget_can_be_added_to(tmp_path, override, key, value):
    file = tmp_path / "a.yaml"
    file.write_text(yaml.safe_dump({**toy_tree(space={"batch_size": {"choice": [8, 16]}}),
                                    "slots": {"retries": 2}, "lora.rank": 8}))  # fmt: skip
    tree = SweepSpec.load(file, [override]).tree
    assert {**leaves(tree), **tree}[key] == value


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("lora.rank=+4", "only integers in budget and slots can be increased; write the value "
         "itself, e.g. --set lora.rank=4"),
        ("learning_rate=+1e-5", "only integers in budget and slots can be increased"),
        ("budget.trials=+0.5", "the increase must be an integer, got 0.5; write the new"),
        ("budget.tokens=+100", "budget.tokens is not set in the sweep file; write its new value"),
        ("slots.count=+1", "slots.count is auto; write its new value"),
    ],
)  # fmt: skip
def test_what_cannot_be_added_to_says_so(tmp_path, override, said):
    file = tmp_path / "a.yaml"
    file.write_text(yaml.safe_dump(toy_tree(slots={"count": "auto"})))
    with pytest.raises(SpecError) as refused:
        SweepSpec.load(file, [override])
    (problem,) = refused.value.problems
    assert f"--set {override.partition('=')[0]}=+" in problem.message and said in problem.message


@pytest.mark.parametrize(
    ("field", "value", "remedy"),
    [
        ("slots.deepspeed.zero_stag", 2, "did you mean zero_stage?"),
        ("slots.wrkers", 2, "did you mean workers?"),
        ("storage.uri", "bucket/folder", "write s3://BUCKET/FOLDER"),
        ("search.storage", "foo", "write postgresql://HOST/DATABASE"),
        ("tracking.uri", "foo", "write https://HOST"),
    ],
)
def test_the_way_out_is_apart_from_the_message(field, value, remedy):
    with pytest.raises(SpecError) as refused:
        SweepSpec.parse(changed(toy_tree(), field, value))
    (problem,) = refused.value.problems
    assert problem.place == field and problem.remedy.startswith(remedy)
    assert remedy not in problem.message


def test_a_section_inside_of_a_value_is_named_whole():
    with pytest.raises(
        YamlError, match=r"^slots\.deepspeed\.x\.y cannot be set: slots\.deepspeed is"
    ):
        changed({"slots": {"deepspeed": "auto"}}, "slots.deepspeed.x.y", 1)


def test_a_wrong_value_is_repeated_as_yaml_has_it():
    assert problems_of(toy_tree(batch_size=None)) == [
        "batch_size: null: input should be a valid integer"
    ]
    assert problems_of(toy_tree(budget={"trials": True}))[0].endswith(", got true")
    (said,) = problems_of(toy_tree(lora=[None, False]))
    assert said.startswith("lora: [null, false] is not a mapping of fields")


def test_a_metric_that_resembles_none_is_refused_with_those_that_are_measured():
    (said,) = problems_of(toy_tree(search={"metric": "bleu"}))
    assert said == (
        "search.metric: objective toy does not measure 'bleu'; toy measures\n"
        "    on the validation set: eval_loss (min), eval_cost (min)"
    )


def test_a_preset_brings_its_space_and_points_and_the_user_goes_over_it():
    tree = toy_tree(space={"preset": "lora", "lora.rank": {"choice": [2, 16]}}, schedule="cosine")
    spec = SweepSpec.parse(tree)
    assert spec.space["lora.rank"].domain.options == (2, 16)
    assert "schedule" not in spec.space and "wsd.decay_fraction" not in spec.space
    assert spec.first_points and all(p.get("lora.rank") in (2, 16, None) for p in spec.first_points)


def test_presets_name_only_fields_that_may_be_searched_and_points_that_are_trials():
    found = presets.names()
    assert {"lora", "full"} <= set(found)
    for name in found:
        preset = presets.load(name)
        config = TrialConfig(model="toy", objective="toy", method=preset.method or "lora")
        assert set(preset.space) <= set(field_names()) - set(NOT_SEARCHABLE)
        assert [config.with_params(point) for point in preset.first_points]


def test_overrides_reach_every_part():
    overrides = ["budget.trials=3", "space.lora.rank={int: [1, 8]}", "search.seed=9"]
    spec = SweepSpec.parse(with_overrides(toy_tree(), overrides))
    assert (spec.trials, spec.search.seed, spec.space["lora.rank"].domain.high) == (3, 9, 8)


def test_an_override_goes_over_a_preset_and_does_not_replace_it():
    tree = with_overrides(toy_tree(space="lora"), ["space.lora.rank={choice: [4, 16]}"])
    spec = SweepSpec.parse(tree)
    assert spec.space["lora.rank"].domain.options == (4, 16)
    assert "learning_rate" in spec.space and spec.first_points


def test_an_override_below_what_has_no_fields_is_refused():
    with pytest.raises(YamlError, match=r"model\.name cannot be set: model is 'toy', which"):
        with_overrides(toy_tree(), ["model.name=x"])


def test_several_workers_mean_zero_2_unless_said_otherwise():
    two = {"workers": 2}
    assert SweepSpec.parse(toy_tree(slots=two)).trial.deepspeed.zero_stage == 2
    assert SweepSpec.parse(toy_tree(slots={**two, "deepspeed": None})).trial.deepspeed is None
    assert SweepSpec.parse(toy_tree()).trial.deepspeed is None


def test_a_grid_knows_its_number_of_trials():
    tree = toy_tree(
        space={"lora.rank": {"choice": [4, 16]}, "schedule": {"choice": ["cosine", "wsd"]}},
        search={"sampler": "grid"},
        budget={"evaluations": 2},
    )
    assert SweepSpec.parse(tree).trials == 4
    for wanted, trials in ((3, 3), (9, 4)):
        assert SweepSpec.parse(with_overrides(tree, [f"budget.trials={wanted}"])).trials == trials


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"slots": 3}, "slots: 3 is not a mapping of fields; write FIELD: VALUE"),
        ({"data": {"train": 3}}, "data.train: 3: input should be a valid string"),
        ({"search": []}, "search: [] is not a mapping of fields; write FIELD: VALUE"),
        ({"data": "x.json"}, "data: 'x.json' is not a mapping of fields; write FIELD: VALUE"),
        (
            {"data.new_tokens": "<a>"},
            "data.new_tokens: '<a>': input should be a list; write [VALUE, ...]",
        ),
        ({"space": {}}, "space: is missing; write NAME: DOMAIN lines, or space: lora for a preset"),
    ],
)
def test_a_part_of_the_wrong_kind_is_told_in_plain_words(change, problem, tmp_path):
    assert any(each.startswith(problem) for each in problems_of(sft_tree(tmp_path, **change)))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            {"lora.target_modules": "all_linear"},
            "lora.target_modules: 'all_linear': input should be 'all-linear', 'attention' or "
            "'mlp', or a list; write [VALUE, ...]",
        ),
        (
            {"slots": {"deepspeed": True}},
            "slots.deepspeed: true is not a mapping of fields; write FIELD",
        ),
        (
            {"slots": {"deepspeed": {"config": "no.json"}}},
            "slots.deepspeed: config: no.json cannot be read",
        ),
        (
            {"search": {"metrics": {"eval_loss": "min"}}},
            "search: metrics needs two or more names; write",
        ),
    ],
)
def test_one_mistake_is_one_problem(change, problem, tmp_path):
    (told,) = problems_of(sft_tree(tmp_path, **change))
    assert told.startswith(problem)


@pytest.mark.parametrize("alias", ["latest", "v2", "12"])
def test_an_alias_that_mlflow_reads_as_a_version_is_refused_before_anything_is_trained(
    tmp_path, alias
):
    (problem,) = problems_of(sft_tree(tmp_path, register={"name": "mine", "alias": alias}))
    assert problem.startswith(f"register.alias: {alias!r} is MLflow's own word")
