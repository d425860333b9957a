"""Textbook identities, each measured as the largest deviation between dlhw's hand-written code and autograd.

Everything is float64. N samples   K classes   I features. Samples lie on the run axis, which is never
averaged. The argument that is a layer or loss of dlhw serves to show that a wrong one is detected.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Generator, Tensor
from torch.autograd.functional import jacobian
from torch.nn import functional as F

from dlhw.config.model_graph import INPUT, OUTPUT, in_order
from dlhw.errors import ConfigError
from dlhw.nn.activations import Sigmoid
from dlhw.nn.layer import NO_PARAMS, Context, Layer
from dlhw.nn.linear import Affine
from dlhw.nn.losses import BinaryCrossEntropy, BinarySquaredError, CrossEntropy, Loss, SquaredError

CLASSES, FEATURES, NODES = 5, 4, 6
CROSS_ENTROPY, BINARY_CROSS_ENTROPY, SIGMOID = CrossEntropy(), BinaryCrossEntropy(), Sigmoid()
AFFINE = Affine(FEATURES, FEATURES)
SCORE = Affine(FEATURES, 1)
# All equal, ties, and logits at which a careless exp overflows or underflows.
EDGES = ([0, 0, 0, 0, 0], [7, 7, 7, 7, 7], [2, 2, -3, -3, 0], [1000, 0, 0, 0, -1000], [-745, -745, 0, 0, 0])
# Beyond it a probability is smaller than the rounding error of 1, and its logarithm is inexact.
MODERATE = 30


def softmax_jacobian(generator: Generator, samples: int, loss: Loss = CROSS_ENTROPY) -> float:
    """ds/dz = diag(s) - s s^T, where s is taken from the gradient s - e_y of dlhw's cross-entropy."""
    z_NK = _logits(generator, samples)
    s_NK = _softmax(loss, z_NK)
    dlhw_NKK = torch.diag_embed(s_NK) - s_NK.unsqueeze(2) * s_NK.unsqueeze(1)
    # Rows of a batch do not mix, so the derivative of the sum over rows holds every row's own.
    reference_KNK = jacobian(lambda z: torch.softmax(z, 1).sum(0), z_NK)
    return _largest(dlhw_NKK - reference_KNK.transpose(0, 1))


def cross_entropy_gradient(generator: Generator, samples: int, loss: Loss = CROSS_ENTROPY) -> float:
    """d(-ln s_y)/dz = s - e_y."""
    z_NK = _logits(generator, samples)
    y_N = torch.randint(CLASSES, (len(z_NK),), generator=generator)
    reference_NK = jacobian(lambda z: F.cross_entropy(z, y_N, reduction="sum"), z_NK)
    formula_NK = torch.softmax(z_NK, 1) - F.one_hot(y_N, CLASSES)
    return max(_largest(_gradient(loss, z_NK, y_N) - reference_NK), _largest(formula_NK - reference_NK))


def level_set(generator: Generator, samples: int, affine: Affine = AFFINE) -> float:
    """grad f(c(t)) . c'(t) = 0 along a curve c on which f is constant; the deviation is their cosine.

    f(x) = 1/2 |x W|^2 has ellipsoids as level sets, and c(t) = (u cos t + v sin t) W^-1 stays on one for
    orthonormal u and v. The gradient is by dlhw's squared error and affine layer, the tangent by autograd.
    """
    w_NII = torch.eye(FEATURES, dtype=torch.float64) + 0.2 * _normal(generator, samples, FEATURES, FEATURES)
    inverse_NII = torch.linalg.inv(w_NII)
    u_NI, v_NI = torch.linalg.qr(_normal(generator, samples, FEATURES, 2)).Q.unbind(2)
    t_N1 = torch.pi * _normal(generator, samples, 1)

    def curve(t: Tensor) -> Tensor:
        return ((u_NI * t.cos() + v_NI * t.sin()).unsqueeze(1) @ inverse_NII).squeeze(1)

    tangent_NI = jacobian(lambda t: curve(t).sum(0), t_N1).squeeze(2).T
    gradient_NI = _half_square_gradient(affine, w_NII, curve(t_N1))
    return _largest(F.cosine_similarity(gradient_NI, tangent_NI))


def _half_square_gradient(affine: Affine, w_NII: Tensor, x_NI: Tensor) -> Tensor:
    """dlhw's gradient of 1/2 |x W|^2 with respect to x."""
    params = {"weight": w_NII, "bias": torch.zeros_like(w_NII[:, 0])}
    out_N1I, cache = affine.forward(params, x_NI.unsqueeze(1), Context())
    # The squared error is a mean over the outputs; the factor makes it half the sum.
    dout_N1I = SquaredError(FEATURES / 2).backward(out_N1I, torch.zeros_like(out_N1I))
    dx_N1I = affine.backward(params, dout_N1I, cache, _like(params), Context(), need_dx=True)
    assert dx_N1I is not None
    return dx_N1I.squeeze(1)


def softmax_minimiser(generator: Generator, samples: int, loss: Loss = CROSS_ENTROPY) -> float:
    """s = softmax(x) minimises G(y) = -x . y + sum_k y_k ln y_k on the simplex, with G(s) = -ln sum_k e^x_k.

    G is convex, so s is the minimiser if it is on the simplex and all components of G's gradient there (by
    autograd) are the same (Karush-Kuhn-Tucker). And of every point y of the simplex, corners among them,
    G(y) = G(s) + KL(y, s) >= G(s).
    """
    x_NK = _logits(generator, samples)
    x_NK = x_NK[x_NK.abs().amax(1) <= MODERATE]
    s_NK = _softmax(loss, x_NK)
    slope_NK = jacobian(lambda y: _free_energy(x_NK, y).sum(), s_NK)
    least_N = _free_energy(x_NK, s_NK)
    deviations = [
        _largest(s_NK.sum(1) - 1),
        _largest(slope_NK.amax(1) - slope_NK.amin(1)),
        _largest(least_N + torch.logsumexp(x_NK, 1)),
    ]
    for y_NK in (_simplex_points(generator, len(x_NK)), _corners(len(x_NK))):
        above_N = _free_energy(x_NK, y_NK) - least_N
        divergence_N = (torch.xlogy(y_NK, y_NK) - y_NK * s_NK.log()).sum(1)
        deviations += [_largest(above_N - divergence_N), _largest(above_N.clamp(max=0))]
    return max(deviations)


def _free_energy(x_NK: Tensor, y_NK: Tensor) -> Tensor:
    """G of each row, with 0 ln 0 = 0."""
    return (torch.xlogy(y_NK, y_NK) - x_NK * y_NK).sum(1)


def _simplex_points(generator: Generator, count: int) -> Tensor:
    """Uniform on the simplex: exponential numbers, divided by their sum."""
    drawn_NK = -torch.rand(count, CLASSES, generator=generator, dtype=torch.float64).clamp_min(1e-300).log()
    return drawn_NK / drawn_NK.sum(1, keepdim=True)


def _corners(count: int) -> Tensor:
    return F.one_hot(torch.arange(count) % CLASSES, CLASSES).double()


def sigmoid_derivative(generator: Generator, samples: int, layer: Layer = SIGMOID) -> float:
    """ds/dx = s (1 - s), against autograd's derivative of (1 + tanh(x/2)) / 2, which is the same function."""
    x_N = _logits(generator, samples).flatten()
    s_N, cache = layer.forward(NO_PARAMS, x_N, Context())
    dlhw_N = layer.backward(NO_PARAMS, torch.ones_like(x_N), cache, NO_PARAMS, Context(), need_dx=True)
    reference_N = jacobian(lambda x: ((1 + torch.tanh(x / 2)) / 2).sum(), x_N)
    assert dlhw_N is not None
    return max(_largest(dlhw_N - reference_N), _largest(s_N * (1 - s_N) - reference_N))


def binary_cross_entropy_gradient(
    generator: Generator, samples: int, loss: Loss = BINARY_CROSS_ENTROPY
) -> float:
    """dC/dw = -(y - yhat) x for C = -y ln yhat - (1 - y) ln(1 - yhat), yhat = sigmoid(w . x)."""
    x_NI, w_NI1 = _normal(generator, samples, FEATURES), _normal(generator, samples, FEATURES, 1)
    w_NI1[::10] *= 100  # some answers are confident
    y_N = torch.randint(2, (samples,), generator=generator)
    params = {"weight": w_NI1, "bias": torch.zeros(samples, 1, dtype=torch.float64)}
    grads = _like(params)
    z_N11, cache = SCORE.forward(params, x_NI.unsqueeze(1), Context())
    dz_N11 = loss.backward(z_N11, y_N.unsqueeze(1))
    SCORE.backward(params, dz_N11, cache, grads, Context(), need_dx=False)

    def cost(w: Tensor) -> Tensor:
        scores_N = (x_NI.unsqueeze(1) @ w).flatten()
        return F.binary_cross_entropy_with_logits(scores_N, y_N.double(), reduction="sum")

    reference_NI = jacobian(cost, w_NI1).squeeze(2)
    formula_NI = -(y_N.unsqueeze(1) - torch.sigmoid(z_N11.squeeze(2))) * x_NI
    dlhw_NI = grads["weight"].squeeze(2)
    return max(_largest(dlhw_NI - reference_NI), _largest(formula_NI - reference_NI))


def small_net_gradient(generator: Generator, samples: int, layer: Layer = SIGMOID) -> float:
    """dl/dw_12 = 2/m sum (o - y) o (1 - o) w_2 h_2 (1 - h_2) x_1 of a 2-3-1 network of sigmoids.

    w_12 leads from the first input to the second hidden unit, w_2 from there to the output o, and l is the
    mean over m points of (o - y)^2. The network's gradient is that of dlhw's layers and loss.
    """
    inner, outer, loss = Affine(2, 3), Affine(3, 1), BinarySquaredError()
    x_NMI, w1_NIH = _normal(generator, samples, 20, 2), _normal(generator, samples, 2, 3)
    w2_NH1, b1_NH, b2_N1 = (_normal(generator, samples, *shape) for shape in ((3, 1), (3,), (1,)))
    y_NM = torch.randint(2, x_NMI.shape[:2], generator=generator)
    first, second = {"weight": w1_NIH, "bias": b1_NH}, {"weight": w2_NH1, "bias": b2_N1}
    ctx, grads = Context(), _like(first)
    z1, x = inner.forward(first, x_NMI, ctx)
    h_NMH, hidden = layer.forward(NO_PARAMS, z1, ctx)
    z2, h = outer.forward(second, h_NMH, ctx)
    o_NM1, output = layer.forward(NO_PARAMS, z2, ctx)
    d = layer.backward(NO_PARAMS, loss.backward(o_NM1, y_NM), output, NO_PARAMS, ctx, need_dx=True)
    assert d is not None
    d = outer.backward(second, d, h, _like(second), ctx, need_dx=True)
    assert d is not None
    d = layer.backward(NO_PARAMS, d, hidden, NO_PARAMS, ctx, need_dx=True)
    assert d is not None
    inner.backward(first, d, x, grads, ctx, need_dx=False)

    o_NM, h2_NM = torch.sigmoid(z2).squeeze(2), torch.sigmoid(z1)[:, :, 1]
    slopes_NM = o_NM * (1 - o_NM) * w2_NH1[:, 1] * h2_NM * (1 - h2_NM)
    formula_N = 2 * ((o_NM - y_NM) * slopes_NM * x_NMI[:, :, 0]).mean(1)
    return _largest(grads["weight"][:, 0, 1] - formula_N)


def convex_minimum(generator: Generator, samples: int, loss: Loss = CROSS_ENTROPY) -> float:
    """f(y) >= f(x) + grad f(x) . (y - x) for a convex f: where the gradient is zero, nothing is smaller.

    f is dlhw's cross-entropy, convex in the logits, with its own gradient. The deviation is how far f(y) is
    below the tangent plane, in units of the larger of 1 and |f(y)|; y are other logits, and x / 2, where f of
    large logits is linear and the plane tight.
    """
    logits_NK = _logits(generator, samples)
    x_NK = torch.cat([logits_NK, logits_NK])
    y_NK = torch.cat([_logits(generator, samples).flip(0), logits_NK / 2])
    labels_N = torch.randint(CLASSES, (len(x_NK),), generator=generator)
    values = [loss.per_sample(z.unsqueeze(1), labels_N.unsqueeze(1)).squeeze(1) for z in (x_NK, y_NK)]
    plane_N = values[0] + (_gradient(loss, x_NK, labels_N) * (y_NK - x_NK)).sum(1)
    return _largest((plane_N - values[1]).clamp(min=0) / values[1].abs().clamp(min=1))


def topological_order(
    generator: Generator, samples: int, order: Callable[[Mapping[str, Sequence[str]]], list[str]] = in_order
) -> float:
    """A directed graph has a topological order <=> it has no cycle; the share of graphs for which it fails.

    On one side the order of dlhw's networks, checked edge by edge; on the other the powers of the adjacency
    matrix A: there is a cycle of length k <=> trace A^k > 0.
    """
    density_N11 = torch.rand(samples, 1, 1, generator=generator)
    edges_NVV = torch.rand(samples, NODES, NODES, generator=generator) < density_N11 / 2
    power_NVV, closed_N = edges_NVV.double(), torch.zeros(samples, dtype=torch.bool)
    for _ in range(NODES):
        closed_N |= power_NVV.diagonal(dim1=1, dim2=2).sum(1) > 0
        power_NVV = power_NVV @ edges_NVV.double()
    wrong = [
        _has_order(edges, order) == is_cyclic
        for edges, is_cyclic in zip(edges_NVV.tolist(), closed_N.tolist(), strict=True)
    ]
    return sum(wrong) / samples


def _has_order(edges: list[list[bool]], order: Callable[[Mapping[str, Sequence[str]]], list[str]]) -> bool:
    """Whether `order` puts each node after its inputs."""
    names = [f"v{node}" for node in range(len(edges))]
    inputs = {
        name: [INPUT, *(other for other, is_taken in zip(names, row, strict=True) if is_taken)]
        for name, row in zip(names, edges, strict=True)
    }
    try:
        places = {name: place for place, name in enumerate(order(inputs | {OUTPUT: names}))}
    except ConfigError:
        return False
    return all(places[other] < places[name] for name in names for other in inputs[name][1:])


def wrong_softmax_jacobian(generator: Generator, samples: int) -> float:
    """ds_i/dz_j = -e^(z_i + z_j) / (sum_k e^z_k)^p off the diagonal, with another power than p = 2.

    A report prints such a Jacobian. The deviation is that of the better of p = 1 and p = 3.
    """
    z_NK = _logits(generator, samples)
    z_NK = z_NK[z_NK.abs().amax(1) <= MODERATE]
    reference_KNK = jacobian(lambda z: torch.softmax(z, 1).sum(0), z_NK)
    off_diagonal = ~torch.eye(CLASSES, dtype=torch.bool)
    pairs_NKK, total_N11 = z_NK.unsqueeze(2) + z_NK.unsqueeze(1), z_NK.exp().sum(1)[:, None, None]
    deviations_NKK = (-pairs_NKK.exp() / total_N11**p - reference_KNK.transpose(0, 1) for p in (1, 3))
    return min(_largest(deviation_NKK[:, off_diagonal]) for deviation_NKK in deviations_NKK)


def stationary_minimum(generator: Generator, samples: int) -> float:
    """grad f(x) = 0 => f(x) <= f(y) near x; how far f = -x^2 falls below its stationary point at 0."""
    zero = torch.zeros(1, dtype=torch.float64)
    slope = jacobian(lambda x: -(x**2), zero)
    assert slope == 0
    y_N = 2 * torch.rand(samples, generator=generator, dtype=torch.float64) - 1
    return _largest(y_N**2)


def _logits(generator: Generator, samples: int) -> Tensor:
    """The edge cases and random rows of standard deviation 3, (N, K)."""
    edges_NK = torch.tensor(EDGES, dtype=torch.float64)
    return torch.cat([edges_NK, 3 * _normal(generator, samples, CLASSES)])


def _normal(generator: Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def _gradient(loss: Loss, z_NK: Tensor, y_N: Tensor) -> Tensor:
    """dlhw's gradient of each row's loss."""
    return loss.backward(z_NK.unsqueeze(1), y_N.unsqueeze(1)).squeeze(1)


def _softmax(loss: Loss, z_NK: Tensor) -> Tensor:
    """Softmax by dlhw: gradient of its cross-entropy plus e_y; nothing cancels for the most likely y."""
    y_N = z_NK.argmax(1)
    return _gradient(loss, z_NK, y_N) + F.one_hot(y_N, CLASSES)


def _like(params: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: torch.empty_like(value) for name, value in params.items()}


def _largest(deviations: Tensor) -> float:
    """Largest magnitude; NaN stays NaN."""
    return float(deviations.abs().max())
