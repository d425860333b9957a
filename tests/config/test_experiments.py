"""The node `experiment`: every file composes and fits its own sweep; what is wrong has its sentence."""

from functools import cache
from typing import Any

import pytest
import yaml
from omegaconf import OmegaConf

from dlhw.config.catalogue import conf_dir, experiment_names, question_of
from dlhw.config.experiment import ExperimentConfig, refuse_unknown_keys
from dlhw.config.experiment_entries import READS, CheckConfig, Rule
from dlhw.config.fields import leaves
from dlhw.config.load import check, from_dict, to_dict
from dlhw.config.root import TrainConfig
from dlhw.errors import ConfigError
from dlhw.hydra_support.compose import compose, load_experiment


def experiment(**values: Any) -> ExperimentConfig:
    """A node as a file would give it."""
    tree = {"source": "s", "name": "n", "question": "q"} | values
    config = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(ExperimentConfig), tree))
    assert isinstance(config, ExperimentConfig)
    return config


@cache
def composed(name: str) -> TrainConfig:
    """The config of an experiment; composing takes a second."""
    return check(compose([f"experiment={name}"]))


@pytest.mark.parametrize("name", experiment_names())
def test_every_experiment_composes_and_names_itself(name: str) -> None:
    config = composed(name)
    assert config.experiment is not None
    assert config.experiment.label == name
    assert config.experiment.question == question_of(name)
    assert config.experiment.published or config.experiment.checks


@pytest.mark.parametrize("name", experiment_names())
def test_every_experiment_lists_wrong_recipes_and_says_where_its_settings_come_from(name: str) -> None:
    experiment = composed(name).experiment
    assert experiment is not None
    assert len(experiment.mutations) >= 4
    assert len({mutation.text for mutation in experiment.mutations}) == len(experiment.mutations)
    assert any(mutation.visible for mutation in experiment.mutations)
    assert all(mutation.visible or mutation.reason.strip() for mutation in experiment.mutations)
    assert experiment.recipe.tolerance
    assert experiment.recipe.stated + experiment.recipe.inferred + experiment.recipe.fitted


@pytest.mark.parametrize("name", experiment_names())
def test_every_experiment_is_a_sweep_in_its_own_folder(name: str) -> None:
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir

    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        master = hydra_compose("train", overrides=[f"experiment={name}"], return_hydra_config=True)
    assert str(master.hydra.mode) == "RunMode.MULTIRUN"
    assert master.hydra.sweep.dir == f"runs/experiments/{name.replace('/', '-')}"


def test_an_experiment_is_no_part_of_what_a_run_is() -> None:
    with_it, without = compose(["experiment=cs7643/lr"]), compose(["experiment=cs7643/lr"])
    without.experiment = None
    assert with_it.experiment is not None
    assert leaves(with_it) == leaves(without)
    assert to_dict(with_it) == to_dict(without)


def test_a_saved_config_with_an_experiment_of_another_version_is_read_back() -> None:
    tree = to_dict(compose([])) | {"experiment": {"a field": "of another version"}}
    assert from_dict(yaml.safe_load(yaml.safe_dump(tree))).experiment is None


def test_there_is_no_such_experiment() -> None:
    with pytest.raises(ConfigError, match="experiment=cs7643/rl: no such experiment; did you mean cs7643/lr"):
        load_experiment("cs7643/rl")
    for name in ("cs7643/lrx", "lr"):
        with pytest.raises(
            ConfigError, match=f"experiment={name}: no such experiment; did you mean cs7643/lr"
        ):
            compose([f"experiment={name}"])


@pytest.mark.parametrize("name", ["cs7643/lr", "cs7643/alpha"])
def test_load_gives_what_compose_gives(name: str) -> None:
    assert load_experiment(name) == compose([f"experiment={name}"]).experiment


CHECK = {"rule": "range", "claim": "c", "metric": "final/val/loss", "low": 0}
PAIR = [{"a": 1}, {"a": 2}]
TRIPLE = [*PAIR, {"a": 3}]
PROBLEMS: list[tuple[dict[str, Any], str]] = [
    ({"metrics": ["final/vall/loss"]}, r"experiment.metrics[0] must be final|best"),
    (
        {"published": [{"metric": "loss", "values": [1], "tolerance": 1}]},
        "experiment.published[0].metric must be",
    ),
    (
        {"published": [{"metric": "epochs", "values": [], "tolerance": 1}]},
        "experiment.published[0].values must hold at least one number",
    ),
    (
        {"published": [{"metric": "epochs", "values": [1]}]},
        "experiment.published[0] must have either a tolerance, or low and high",
    ),
    (
        {"published": [{"metric": "epochs", "values": [1], "tolerance": -1}]},
        "experiment.published[0].tolerance must be >= 0, got -1",
    ),
    (
        {"published": [{"metric": "epochs", "values": [1], "low": 2, "high": 1}]},
        "experiment.published[0].low must be <= high, got 2.0 and 1.0",
    ),
    ({"checks": [CHECK | {"low": None}]}, "experiment.checks[0] must have low, high or both for rule=range"),
    (
        {"checks": [CHECK, CHECK | {"ratio": 2}]},
        "experiment.checks[1].ratio is only read by rule peak, got rule=range",
    ),
    (
        {"checks": [CHECK | {"rule": "increasing", "low": None}]},
        "experiment.checks[0].along must be given for rule=increasing",
    ),
    (
        {"checks": [CHECK | {"rule": "gap", "cells": TRIPLE}]},
        "experiment.checks[0].cells must be two for rule=gap, got 3",
    ),
    (
        {"checks": [CHECK | {"rule": "order", "low": None, "cells": PAIR[:1]}]},
        "experiment.checks[0].cells must be two or more for rule=order, got 1",
    ),
    (
        {"published": [{"metric": "epochs", "values": [1, 2, 3], "tolerance": 1, "source": "S1/S2"}]},
        "experiment.published[0].source must name one report for each of 3 values, got S1/S2",
    ),
    (
        {"published": [{"metric": "epochs", "values": [1], "tolerance": 1, "disputed": ""}]},
        "experiment.published[0].disputed must say why",
    ),
    (
        {"checks": [CHECK | {"rule": "value", "low": None, "tolerance": 0.1}]},
        "experiment.checks[0].value must be given for rule=value",
    ),
    (
        {"checks": [CHECK | {"rule": "value", "low": None, "value": 1, "tolerance": -1}]},
        "experiment.checks[0].tolerance must be >= 0, got -1",
    ),
    (
        {"mutations": [{"change": ["optimizer.lr=2", "seed"]}]},
        "experiment.mutations[0].change must be KEY=VALUE or a list of them, got seed",
    ),
    (
        {"mutations": [{"change": "optimizer.lr=2", "visible": False}]},
        "experiment.mutations[0].reason must be given with visible=false",
    ),
    (
        {"figures": [{"kind": "learning", "parts": ["vall"]}]},
        "experiment.figures[0].parts must hold train, val or test, got vall",
    ),
    (
        {"figures": [{"kind": "learning", "x": "hour"}]},
        "experiment.figures[0].x must be epoch or step for kind=learning, got hour",
    ),
    (
        {"figures": [{"kind": "scatter", "x": "epochs"}]},
        "experiment.figures[0].y must be final|best|selected",
    ),
]


@pytest.mark.parametrize(("values", "sentence"), PROBLEMS, ids=[sentence for _, sentence in PROBLEMS])
def test_problem_has_its_sentence(values: dict[str, Any], sentence: str) -> None:
    (problem,) = experiment(**values).problems()
    assert problem.startswith(sentence)


@pytest.mark.parametrize("rule", Rule)
def test_every_rule_says_what_it_reads(rule: Rule) -> None:
    needed, optional = READS[rule]
    fields = CheckConfig.__dataclass_fields__
    assert {*needed, *optional} <= set(fields)
    missing = CheckConfig(rule=rule, claim="c", metric="epochs")
    problems = list(missing.problems_at("k"))
    assert all(any(f"k.{name} must be given" in problem for problem in problems) for name in needed)


def test_a_mutation_is_one_override_or_several() -> None:
    config = experiment(
        mutations=[{"change": "optimizer.lr=2"}, {"change": ["a=1", "b=2"]}],
        recipe={"stated": ["The learning rate."], "tolerance": "Twice the spread of single runs."},
    )
    assert [mutation.overrides for mutation in config.mutations] == [["optimizer.lr=2"], ["a=1", "b=2"]]
    assert config.recipe.stated == ["The learning rate."]
    assert list(config.problems()) == []


MISFITS = [
    (
        "experiment.checks=[{rule: rnage, claim: c, metric: epochs}]",
        "experiment.checks[0].rule must be one of range, decreasing",
    ),
    (
        "experiment.checks=[{rul: range}]",
        "experiment.checks[0].rul: no such key; did you mean experiment.checks[0].rule? keys in experiment.checks[0]: rule",
    ),
    ("experiment.sorce=x", "experiment.sorce: no such key; did you mean experiment.source?"),
]


@pytest.mark.parametrize(("override", "sentence"), MISFITS, ids=[override for override, _ in MISFITS])
def test_what_does_not_fit_is_named_with_its_list(override: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as raised:
        compose(["experiment=cs7643/lr", override])
    assert str(raised.value).startswith(sentence)
    assert len(str(raised.value).splitlines()) == 1


def test_a_key_that_no_run_has_is_named_with_the_nearest() -> None:
    config = experiment(
        by=["optimizer.lr"],
        published=[{"cell": {"optimizer.lrr": 1}, "metric": "epochs", "values": [1], "tolerance": 1}],
        checks=[CHECK | {"where": {"model.hiden": [3]}}],
    )
    known = list(leaves(compose([])))
    with pytest.raises(ConfigError) as error:
        refuse_unknown_keys(config, known)
    assert str(error.value).splitlines() == [
        "experiment.published[0].cell names optimizer.lrr, which no run of this sweep has; "
        "did you mean optimizer.lr?",
        "experiment.checks[0].where names model.hiden, which no run of this sweep has; did you mean model.hidden?",
    ]
