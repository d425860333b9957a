"""The quadratically parameterized layer is a linear map with the weights that it says."""

from layer_cases import assert_same, context, random_case

from dlhw.nn.linear import Affine, QuadraticParameterization


def test_it_is_the_linear_map_of_the_difference_of_squares() -> None:
    case = random_case(QuadraticParameterization(7, 3), (7,))
    weight = case.params["theta"] ** 2 - case.params["phi"] ** 2
    linear, _ = Affine(7, 3, bias=False).forward({"weight": weight}, case.x, context())
    assert_same(case.pass_through()["out"], linear)


def test_its_gradients_follow_from_those_of_the_linear_map() -> None:
    case = random_case(QuadraticParameterization(7, 3), (7,))
    passed, dw = case.pass_through(), case.x.mT @ case.dout
    assert_same(passed["theta"], 2 * case.params["theta"] * dw)
    assert_same(passed["phi"], -2 * case.params["phi"] * dw)


def test_where_both_parameters_are_equal_it_answers_exactly_zero() -> None:
    case = random_case(QuadraticParameterization(7, 3), (7,))
    case.params["phi"].copy_(case.params["theta"])
    assert not case.pass_through()["out"].any()


def test_it_has_no_bias_and_both_parameters_are_weights() -> None:
    specs = QuadraticParameterization(7, 3).specs()
    assert {name: (spec.shape, spec.is_weight) for name, spec in specs.items()} == {
        "theta": ((7, 3), True),
        "phi": ((7, 3), True),
    }


def test_wide_batches_take_another_product_with_the_same_result() -> None:
    """Few outputs and much work: the product runs transposed."""
    case = random_case(QuadraticParameterization(200, 1), (200,), batch=40)
    passed, expected = case.pass_through(), case.pass_through(way="autograd")
    for name in expected:
        assert_same(passed[name], expected[name])
    assert_same(case.pass_through(context(reuse=True))["out"], passed["out"])
