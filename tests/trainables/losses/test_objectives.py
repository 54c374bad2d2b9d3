"""Classification, rewards and preferences: their numbers against TRL and scikit-learn."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest
import tiny_training as tiny
from host_reads import reads_of_each_step
from tiny_training import Watcher, run_trial

from trainables.core.evaluation import Ending
from trainables.data.tokens.examples import Example, Examples, write
from trainables.data.tokens.sequences import Sequences
from trainables.metrics.registry import metrics_of


def example(kind, number, sequences):
    """The sequence of that number as an example of an objective."""
    sequence, other = sequences[number], sequences[(number + 1) % len(sequences)]
    match kind:
        case "classification":
            return Example((sequence,), float(sequence.tokens[0] % 3))
        case "scalar":
            return Example((sequence,), float(sequence.tokens[0]) / tiny.VOCABULARY)
        case "reward" | "dpo" | "orpo" | "simpo":
            return Example((sequence, tiny.backwards(sequence)))
        case "kto":
            return Example((sequence, other), float(number % 2))


@pytest.fixture(scope="module")
def workshop_for(tmp_path_factory):
    """A workshop for each kind of example, made at its first use."""
    from trainables.training.workshop import Workshop

    plain = tiny.make_inputs(tmp_path_factory.mktemp("objectives"))
    made = {}

    def workshop(kind):
        if kind not in made:
            folders = {}
            for side in ("train", "validation"):
                sequences = list(Sequences.open(getattr(plain, side)))
                folders[side] = tmp_path_factory.mktemp(kind) / side
                examples = [example(kind, n, sequences) for n in range(len(sequences))]
                write(folders[side], examples)
            labels = {"classification": ("a", "b", "c"), "scalar": ("r",), "reward": ("r",)}
            made[kind] = Workshop(
                dataclasses.replace(plain, **folders, labels=labels.get(kind, ()))
            )
        return made[kind]

    return workshop


def settings(kind, **params):
    return {"objective": "reward" if kind == "scalar" else kind, **params}


def shifted(workshop, kind, **params):
    """An attached LoRA that is no longer what it began as, its objective, and one batch of all."""
    import torch

    from trainables.data.tokens.batches import collate
    from trainables.losses.batch import to_batch
    from trainables.models import tuned

    config = tiny.trial(**settings(kind, **params))
    model = tuned.attach(copy.deepcopy(workshop._base.shared(config)), config)
    torch.manual_seed(3)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.3)
    batch = to_batch(collate([workshop.validation_set[n] for n in range(8)], workshop.pad_id))
    return model, workshop.loss(config, model), batch


KINDS = ["classification", "reward", "scalar", "dpo", "orpo", "simpo", "kto"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["lora", "full", "qlora"])
def test_each_objective_trains_and_leaves_the_base_alone(workshop_for, kind, method, tmp_path):
    workshop = workshop_for(kind)
    config = tiny.trial(**settings(kind, method=method))
    before = tiny.fingerprint(workshop._base.shared(config))
    training = {"budget__epochs": 2, "budget__steps": None, "learning_rate": 3e-3}
    outcome, watcher = run_trial(
        workshop, Watcher(tmp_path), **settings(kind, method=method, **training)
    )
    assert outcome.ending is Ending.COMPLETE
    classes = {f"eval_f1/{name}" for name in "abc"} if kind == "classification" else set()
    target = "single_label" if kind == "classification" else None
    assert set(watcher.seen[-1].metrics) == {*metrics_of(config.objective, target), *classes}
    assert tiny.fingerprint(workshop._base.shared(config)) == before
    kept = np.load(tmp_path / "losses.npz")
    mean = kept["loss_sums"].sum() / kept["token_counts"].sum()
    assert watcher.losses[-1] == pytest.approx(mean, abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_no_step_of_any_objective_waits_for_the_device(workshop_for, kind):
    workshop = workshop_for(kind)
    workshop.references.forget()
    params = {"budget__steps": 6, "budget__evaluations": 1}
    for known in (False, True):  # the reference, to the second trial
        with reads_of_each_step() as reads:
            run_trial(workshop, **settings(kind, **params))
        assert set(reads.fresh) <= {6}, known


@pytest.mark.parametrize("kind", KINDS)
def test_the_training_loss_falls(workshop_for, kind):
    """On the training set itself: there is nothing in these labels to generalise from."""
    from trainables.training.workshop import Workshop

    inputs = workshop_for(kind).inputs
    workshop = Workshop(dataclasses.replace(inputs, validation=inputs.train))
    base = workshop.measure_base(tiny.trial(**settings(kind))).metrics["eval_loss"]
    params = {"budget__steps": 16, "budget__evaluations": 1, "learning_rate": 1e-2}
    assert run_trial(workshop, **settings(kind, **params))[1].losses[-1] < 0.9 * base


@pytest.mark.parametrize("kind", KINDS)
def test_the_metrics_do_not_depend_on_the_micro_batch(workshop_for, kind):
    workshop = workshop_for(kind)
    made = [
        workshop.measure_base(tiny.trial(**settings(kind, micro_batch_size=size))).metrics
        for size in (1, 3, 8)
    ]
    assert made[0] == pytest.approx(made[1], abs=1e-5)
    assert made[0] == pytest.approx(made[2], abs=1e-5)


@pytest.mark.parametrize("kind", ["classification", "reward", "scalar", "dpo", "orpo", "simpo"])
def test_one_micro_batch_of_8_is_8_micro_batches_of_1(workshop_for, kind):
    params = {"budget__steps": 3, "optimizer__epsilon": 1e-3}
    losses = [
        run_trial(workshop_for(kind), **settings(kind, micro_batch_size=size, **params))[1].losses
        for size in (8, 1)
    ]
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)


@pytest.mark.parametrize("kind", ["dpo", "kto"])
def test_an_untouched_model_is_indifferent(workshop_for, kind):
    """log 2 for DPO, one half for KTO: the policy is the reference."""
    base = workshop_for(kind).measure_base(tiny.trial(**settings(kind))).metrics
    assert base["eval_loss"] == pytest.approx(np.log(2) if kind == "dpo" else 0.5, abs=1e-6)
    # Not even rounding may tell them apart, or its accuracy would be a coin's.
    assert base["eval_reward_margin"] == 0 and base["eval_reward_accuracy"] == 0.5


def trl_trainer(kind, workshop, model, tmp_path, **options):
    """TRL's trainer around our model, for its loss alone; the base is its own reference."""
    import datasets
    import trl

    trainers = {
        "dpo": (trl.DPOTrainer, trl.DPOConfig),
        "kto": (trl.KTOTrainer, trl.KTOConfig),
        "reward": (trl.RewardTrainer, trl.RewardConfig),
    }
    rows = {"prompt": ["w5 w6"] * 2, "chosen": [" w7", " w8"], "rejected": [" w8", " w9"]}
    if kind == "kto":
        rows = {"prompt": ["w5 w6"] * 2, "completion": [" w7", " w8"], "label": [True, False]}
    trainer, config = trainers[kind]
    made = trainer(
        model=model,
        args=config(output_dir=str(tmp_path), use_cpu=True, bf16=False, report_to=[], **options),
        train_dataset=datasets.Dataset.from_dict(rows),
        processing_class=workshop.tokenizer,
    )
    made.model.eval()
    return made


@pytest.mark.parametrize("loss", ["sigmoid", "hinge", "ipo"])
@pytest.mark.filterwarnings("ignore")
def test_dpo_is_trls(workshop_for, loss, tmp_path):
    workshop = workshop_for("dpo")
    model, objective, batch = shifted(workshop, "dpo", dpo__loss=loss, dpo__beta=0.3)
    model.eval()
    ours = objective.loss(model, batch, None).item()
    rows = objective.rows(model, batch).detach().numpy().astype(float)
    scored = objective.scores(rows, Examples(workshop.inputs.validation))
    theirs = trl_trainer("dpo", workshop, model, tmp_path, loss_type=[loss], beta=0.3)
    forget_the_ref_adapter(theirs.model)
    completion = (batch["labels"] != -100).long()
    inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
    expected = theirs.compute_loss(theirs.model, {**inputs, "completion_mask": completion})
    assert ours == pytest.approx(float(expected), rel=1e-4)
    assert scored.metrics["eval_loss"] == pytest.approx(ours, rel=1e-5)
    logged = {name: values[-1] for name, values in theirs._metrics["eval"].items()}
    for name, metric in (
        ("rewards/accuracies", "eval_reward_accuracy"),
        ("rewards/margins", "eval_reward_margin"),
        ("rewards/chosen", "eval_chosen_reward"),
        ("rewards/rejected", "eval_rejected_reward"),
    ):
        assert scored.metrics[metric] == pytest.approx(logged[name], rel=1e-3, abs=1e-5)


def forget_the_ref_adapter(model):
    """TRL copies an adapter that it is given into the reference; ours compares with the base."""
    model.delete_adapter("ref")


@pytest.mark.filterwarnings("ignore")
def test_kto_is_trls(workshop_for, tmp_path):
    params = {"kto__beta": 0.3, "kto__desirable_weight": 2.0, "kto__undesirable_weight": 0.5}
    workshop = workshop_for("kto")
    model, objective, batch = shifted(workshop, "kto", **params)
    model.eval()
    ours = objective.loss(model, batch, None).item()
    options = {"beta": 0.3, "desirable_weight": 2.0, "undesirable_weight": 0.5}
    theirs = trl_trainer("kto", workshop, model, tmp_path, **options)
    forget_the_ref_adapter(theirs.model)
    inputs = {"label": batch["label"] > 0.5}
    for prefix, half in (("", 0), ("KL_", 1)):
        for name in ("input_ids", "attention_mask"):
            inputs[prefix + name] = batch[name].chunk(2)[half]
        inputs[prefix + "completion_mask"] = (batch["labels"].chunk(2)[half] != -100).long()
    assert ours == pytest.approx(float(theirs.compute_loss(theirs.model, inputs)), rel=1e-4)


@pytest.mark.filterwarnings("ignore")
def test_a_reward_model_is_trls(workshop_for, tmp_path):
    workshop = workshop_for("reward")
    model, objective, batch = shifted(workshop, "reward", reward__center=0.01)
    model.eval()
    ours = objective.loss(model, batch, None).item()
    theirs = trl_trainer("reward", workshop, model, tmp_path, center_rewards_coefficient=0.01)
    inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
    assert ours == pytest.approx(float(theirs.compute_loss(theirs.model, inputs)), rel=1e-5)


def test_the_reference_is_asked_once_for_each_example(workshop_for):
    workshop = workshop_for("dpo")
    workshop.references.forget()
    run_trial(workshop, **settings("dpo"))
    known = workshop.references.memo(tiny.trial())
    places = list(range(len(workshop.train_set) + len(workshop.validation_set)))
    seen = [place for place in places if known.knows(np.array([place]))]
    # 4 steps of 8 of the 40 training examples, and the whole validation set, which comes after.
    assert len(seen) == 32 + len(workshop.validation_set)
    assert set(places[-len(workshop.validation_set) :]) <= set(seen)


def test_macro_scores_are_plain_means_over_the_classes():
    """By hand: class 2 is never predicted, and counts as 0."""
    import torch

    from trainables.losses.classification import Classification

    class Labelled:
        labels = np.array([0.0, 0.0, 1.0, 2.0])

    rows = np.array([[0.1, 0.0], [0.2, 1.0], [0.3, 1.0], [0.4, 0.0]])
    metrics = Classification(torch.ones(3), ("a", "b/c", "负面")).scores(rows, Labelled()).metrics
    assert metrics == pytest.approx(
        {
            "eval_loss": 0.25,
            "eval_accuracy": 0.5,
            "eval_macro_precision": (1 / 2 + 1 / 2 + 0) / 3,
            "eval_macro_recall": (1 / 2 + 1 + 0) / 3,
            "eval_macro_f1": (1 / 2 + 2 / 3 + 0) / 3,
            "eval_f1/a": 1 / 2,
            "eval_f1/b/c": 2 / 3,
            "eval_f1/负面": 0,
        }
    )
    many = Classification(torch.ones(21), list("abcdefghijklmnopqrstu"))
    assert set(many.scores(rows, Labelled()).metrics) == set(
        metrics_of("classification", "single_label")
    )


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (("neg", "pos"), ("neg", "pos")),
        (("World & Sci/Tech", "a.b: c"), ("World & Sci/Tech", "a.b: c")),
        (("C++", "c++"), ("C++", "c++")),
        (("a  b", "a b"), ("a b", "a b (2)")),
        (("x" * 300, "y"), ("x" * 100, "y")),
        (("a\nb", "\x1b"), ("a b", "\\x1b")),
    ],
)
def test_a_labels_metric_is_named_as_the_label_is_written(labels, names):
    from trainables.metrics.classes import f1_names

    assert f1_names(labels) == tuple(f"eval_f1/{name}" for name in names)


def test_balanced_weights_are_scikit_learns():
    from sklearn.utils.class_weight import compute_class_weight

    from trainables.losses.classification import balanced_weights

    labels = np.array([0, 0, 0, 1, 2, 2])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    assert balanced_weights(labels.astype(float), 3) == pytest.approx(expected)


def test_ranking_is_the_area_under_the_roc_curve():
    from sklearn.metrics import roc_auc_score

    from trainables.metrics.ranking import ranking

    rng = np.random.default_rng(0)
    given = rng.integers(0, 2, 3000).astype(float)
    predicted = np.round(given * 0.3 + rng.normal(size=3000), 1)  # with ties
    accuracy, margin = ranking(predicted, given)
    assert accuracy == pytest.approx(roc_auc_score(given, predicted))
    assert margin == pytest.approx(predicted[given == 1].mean() - predicted[given == 0].mean())
    assert ranking(predicted, np.ones(3000)) == (0.5, 0.0)


@pytest.mark.parametrize("values", [(2, 2), (3, 5), (1, 4), (9, 9), (1000, 1000)])
@pytest.mark.parametrize("count", [1, 2, 3, 12, 40])
def test_ranking_counts_each_pair_once(count, values):
    from trainables.metrics.ranking import ranking

    rng = np.random.default_rng(count)
    predicted, given = (rng.integers(0, most, count).astype(float) for most in values)
    pairs = [
        (p, q)
        for p, a in zip(predicted, given, strict=True)
        for q, b in zip(predicted, given, strict=True)
        if a > b
    ]
    right = [1.0 if p > q else 0.5 * (p == q) for p, q in pairs] or [0.5]
    apart = [p - q for p, q in pairs] or [0.0]
    assert ranking(predicted, given) == pytest.approx((np.mean(right), np.mean(apart)))


def test_a_prediction_that_is_no_number_has_no_rank():
    from trainables.metrics.ranking import ranking

    found = ranking(np.array([1.0, np.nan, 2.0]), np.array([0.0, 1.0, 1.0]))
    assert np.isnan(found).all()


def test_an_example_of_twice_the_weight_pulls_twice_as_hard(tmp_path):
    """The gradient of a batch is that of one where the heavy example comes twice."""
    import torch

    from trainables.data.tokens.batches import collate
    from trainables.losses.causal_lm import CausalLm
    from trainables.training.base import Loading, load_model

    inputs = tiny.make_inputs(tmp_path)
    model = load_model(inputs.model, Loading(torch.float32)).requires_grad_(True)
    examples = [Examples(inputs.train)[n] for n in range(3)]
    heavy = [examples[0]._replace(weight=2.0), *examples[1:]]
    gradients = []
    for batch in (heavy, [examples[0], *examples]):
        model.zero_grad()
        tensors = {name: torch.from_numpy(array) for name, array in collate(batch, 0).items()}
        CausalLm().loss(model, tensors, torch.tensor(100)).backward()
        gradients.append(model.lm_head.weight.grad.clone())
    torch.testing.assert_close(gradients[0], gradients[1])
