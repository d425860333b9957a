"""What every registered layer must do."""

from dataclasses import replace

import pytest
import torch
from layer_cases import (
    PASSES,
    RUNS,
    assert_all_same,
    by_hand,
    context,
    of_run,
    random_case,
    registered_case,
    rows,
)
from torch import Generator

from dlhw.nn.containers import Sequential
from dlhw.nn.gradcheck import check_layers
from dlhw.nn.registry import all_layers

LAYERS = all_layers()
every_layer = pytest.mark.parametrize("name", LAYERS)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("num_runs", [1, 3])
@every_layer
def test_gradients_are_those_of_autograd_and_of_differences(name: str, num_runs: int, seed: int) -> None:
    example, generator = LAYERS[name], Generator().manual_seed(seed)
    model = Sequential({"layer": example.make(num_runs)}, example.input_shape)
    x_1N = torch.randn(1, 3, *example.input_shape, generator=generator, dtype=torch.float64)
    checks = check_layers(model, x_1N, num_runs=num_runs, probes=20, generator=generator)
    parameters = [f"layer.{parameter}" for parameter in model.layers["layer"].specs()]
    assert [check.name for check in checks] == ["input", *parameters]
    assert [check for check in checks if not check.passes(1e-9, 1e-6)] == []
    assert min(check.probes for check in checks) > 0


@every_layer
def test_output_shape_is_the_shape_of_the_output(name: str) -> None:
    case = registered_case(name)
    assert case.pass_through()["out"].shape[2:] == case.layer.output_shape(LAYERS[name].input_shape)


@pytest.mark.parametrize("run", range(RUNS))
@every_layer
def test_a_run_of_a_cohort_computes_what_it_computes_alone(name: str, run: int) -> None:
    case, place = registered_case(name), slice(run, run + 1)
    alone = by_hand(
        of_run(case.layer, run), rows(case.params, place), case.x[place], case.dout[place], context()
    )
    assert_all_same(rows(case.pass_through(), place), alone)


@pytest.mark.parametrize("way", PASSES)
@every_layer
def test_gradients_of_one_sample_of_one_run_are_exactly_zero_elsewhere(name: str, way: str) -> None:
    case = registered_case(name)
    only = torch.zeros_like(case.dout)
    only[1, 2] = case.dout[1, 2]
    passed = replace(case, dout=only).pass_through(way=way)
    others = torch.ones(case.x.shape[:2], dtype=torch.bool)
    others[1, 2] = False
    assert bool(passed["input"][1, 2].any()) != case.layer.is_threshold
    assert not passed["input"][others].any()
    assert not any(passed[name][[0, 2]].any() for name in case.params)


@every_layer
def test_a_run_that_is_nan_leaves_the_others_as_they_are(name: str) -> None:
    case = registered_case(name)
    before = case.pass_through()
    for tensor in (case.x, case.dout, *case.params.values()):
        tensor[1] = torch.nan
    after = case.pass_through()
    assert after["out"][1].isnan().any()
    torch.testing.assert_close(
        rows(after, torch.tensor([0, 2])), rows(before, torch.tensor([0, 2])), rtol=0, atol=0
    )


@pytest.mark.parametrize("reuse", [False, True])
@every_layer
def test_inputs_that_all_runs_share_are_the_same_inputs_given_to_each(name: str, reuse: bool) -> None:
    case = registered_case(name)
    shared = case.x[:1]
    expected = replace(case, x=shared.expand_as(case.x)).pass_through()
    passed = replace(case, x=shared).pass_through(context(reuse=reuse))
    passed["out"] = passed["out"].expand_as(expected["out"])
    assert_all_same(passed, expected)


@every_layer
def test_buffers_that_are_reused_hold_nothing_of_earlier_batches(name: str) -> None:
    example, ctx = LAYERS[name], context(reuse=True)
    layer = example.make(RUNS)
    batches = [
        random_case(layer, example.input_shape, batch=batch, seed=seed)
        for seed, batch in enumerate([4, 4, 2, 4, 2])
    ]
    reused = [case.pass_through(ctx) for case in batches]
    torch.testing.assert_close(reused, [case.pass_through() for case in batches], rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", [name for name in LAYERS if LAYERS[name].make(1).specs()])
def test_parameters_get_the_same_gradients_when_the_input_needs_none(name: str) -> None:
    case, ctx = registered_case(name), context()
    _, cache = case.layer.forward(case.params, case.x, ctx)
    grads = {parameter: torch.full_like(value, torch.nan) for parameter, value in case.params.items()}
    assert case.layer.backward(case.params, case.dout, cache, grads, ctx, need_dx=False) is None
    torch.testing.assert_close(grads, {key: case.pass_through()[key] for key in grads}, rtol=0, atol=0)


@every_layer
def test_float32_stays_float32(name: str) -> None:
    example = LAYERS[name]
    case = random_case(example.make(RUNS), example.input_shape, dtype=torch.float32)
    assert {tensor.dtype for tensor in case.pass_through(context(reuse=True)).values()} == {torch.float32}
