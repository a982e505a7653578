"""Primitives with jaxprs inside, and those that do nothing to values; random numbers."""
import jax
import jax.numpy as jnp

from .elementwise import compare, pointwise, select
from .graph import Body, Number, Value
from .lower import Unsupported, is_of_jax
from .shape import number_of


def _inlined(name):
    def rule(lowering, equation, *operands):
        inner = equation.params[name]
        operands = operands[len(operands) - len(inner.in_avals if hasattr(inner, "consts") else inner.invars):]
        return lowering.closed(inner, operands) if hasattr(inner, "consts") else lowering.run(inner, [], operands)
    return rule


def _sign_bit(lowering, equation, x):
    """True for -0, too; jax.numpy.signbit looks at the bits."""
    body = lowering.body
    is_below = lambda v: compare(body, "lt", v, 0)
    return body.pointwise("or", is_below(x), is_below(pointwise(body, "div", 1, x)))


def _function(lowering, equation, *operands):
    """A call of a function that JAX has compiled, in place; by its name if its own way has no form in Graph IR."""
    rule = {"signbit": _sign_bit}.get(equation.params.get("name"), _inlined("jaxpr"))
    return rule(lowering, equation, *operands)


def _with_gradient(name):
    """Functions with derivatives of their own. Those of JAX have them to be exact, as Keratin's ops are."""
    inlined = _inlined(name)

    def rule(lowering, equation, *operands):
        function, path = _source(getattr(equation.params[name], "jaxpr", equation.params[name]))
        # JAX names its wrapper in place of a function that has its gradient by custom_gradient.
        is_own = not is_of_jax(path) or path.endswith("custom_derivatives.py")
        for derivative in ("bwd", "jvp_jaxpr_fun"):
            path = _source(equation.params.get(derivative))[1]
            is_own = is_own or bool(path) and not is_of_jax(path)
        if lowering.differentiates and is_own:
            raise Unsupported(f"is not supported in training: {function or 'a function'} has a gradient of its own")
        return inlined(lowering, equation, *operands)
    return rule


def _source(traced):
    """The name and the file of a function that JAX has traced, or is to: of "f at mine.py:3"."""
    source = getattr(getattr(traced, "debug_info", None), "func_src_info", "") or ""
    name, _, place = source.partition(" at ")
    return "" if name == "wrapped_fun" else name, place.rpartition(":")[0]


def _same(lowering, equation, *operands):
    return list(operands)


def _scan(lowering, equation, *operands):
    p, body = equation.params, lowering.body
    constants, carries = p["num_consts"], p["num_carry"]
    inner = p["jaxpr"]
    others, state, sequences = (operands[:constants], operands[constants : constants + carries],
                                operands[constants + carries :])
    held = [lowering.constant(c) for c in inner.consts]
    inside = Body(body.module, body.numbers)
    given, parameters = {}, []
    for key, value in [*((("state", i), v) for i, v in enumerate(state)),
                       *((("sequence", i), v) for i, v in enumerate(sequences)),
                       *((("other", i), v) for i, v in enumerate(others)), *((("held", i), v) for i, v in enumerate(held))]:
        shape = value.shape[1:] if key[0] == "sequence" else value.shape
        given[key] = Value(inside.fresh(), value.dtype, shape)
        parameters.append(given[key])
    pick = lambda kind, values: [given[kind, i] for i in range(len(values))]
    inside.location = body.location
    returned = lowering.into(inside).run(inner.jaxpr, pick("held", held),
                                         pick("other", others) + pick("state", state) + pick("sequence", sequences))
    # A number has no type of its own where it is returned.
    returned = [inside.whole(v) for v in returned]
    types = [(str(v.aval.dtype), v.aval.shape) for v in equation.outvars]
    attributes = {"axis": 0, "carries": carries, "length": p["length"], "sequences": len(sequences),
                  "reverse": "true" if p["reverse"] else None}
    return body.many("scan", [body.whole(v) for v in (*state, *sequences, *others, *held)], attributes, types,
                     (parameters, inside, returned))


def _cond(lowering, equation, which, *operands):
    """All branches are computed, and the results of one are taken."""
    results = [lowering.closed(branch, operands) for branch in equation.params["branches"]]
    body, chosen = lowering.body, results[-1]
    which = body.cast(which, "int32")
    for i in reversed(range(len(results) - 1)):
        chosen = [select(body, compare(body, "le", which, i), a, b) for a, b in zip(results[i], chosen)]
    return chosen


# Keys are what they are made of: words of 32 bits along a last axis.


def _key_implementation(equation):
    aval = next(v.aval for v in equation.invars if jax.dtypes.issubdtype(v.aval.dtype, jax.dtypes.prng_key))
    if aval.shape:
        raise Unsupported("is not supported on several keys")
    return aval.dtype._impl


def _random_seed(lowering, equation, seed):
    if seed.shape:
        raise Unsupported("is not supported on several seeds")
    return lowering.traced(equation.params["impl"].seed, seed)


def _random_bits(lowering, equation, key):
    implementation, p = _key_implementation(equation), equation.params
    return lowering.traced(lambda k: implementation.random_bits(k, p["bit_width"], p["shape"]), key)


def _random_split(lowering, equation, key):
    implementation, shape = _key_implementation(equation), equation.params["shape"]
    return lowering.traced(lambda k: implementation.split(k, shape), key)


def _random_fold_in(lowering, equation, key, data):
    return lowering.traced(_key_implementation(equation).fold_in, key, data)


def _threefry(lowering, equation, *words):
    """J. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011: Threefry-2x32 of 20 rounds."""
    def rounds(k0, k1, x0, x1):
        keys = [k0, k1, k0 ^ k1 ^ jnp.uint32(0x1BD11BDA)]
        x0, x1 = x0 + keys[0], x1 + keys[1]
        for i in range(5):
            for turn in ((13, 15, 26, 6), (17, 29, 16, 24))[i % 2]:
                x0 = x0 + x1
                x1 = x0 ^ (x1 << jnp.uint32(turn) | x1 >> jnp.uint32(32 - turn))
            x0, x1 = x0 + keys[(i + 1) % 3], x1 + keys[(i + 2) % 3] + jnp.uint32(i + 1)
        return x0, x1
    return lowering.traced(rounds, *words)


def _places(lowering, equation):
    """The index of each element in row-major order, in two words: those of more than 2^32 elements do not fit into memory."""
    body, shape = lowering.body, equation.params["shape"]
    index, stride = Number(0, "uint32", shape), 1
    for axis in reversed(range(len(shape))):
        along = body.make("iota", [], "uint32", shape, axis=axis)
        index = body.pointwise("add", index, body.pointwise("mul", along, number_of(body, along, stride)))
        stride = stride * shape[axis]
    return Number(0, "uint32", shape), index


RULES = {
    **{name: _function for name in ("jit", "pjit", "closed_call", "checkpoint", "remat", "remat2")},
    "core_call": _inlined("call_jaxpr"),
    "custom_jvp_call": _with_gradient("call_jaxpr"),
    "custom_vjp_call": _with_gradient("call_jaxpr"),
    "custom_vjp_call_jaxpr": _with_gradient("fun_jaxpr"),
    "scan": _scan,
    "cond": _cond,
    **{name: _same for name in ("copy", "copy_p", "device_put", "optimization_barrier", "sharding_constraint",
                                "random_wrap", "random_unwrap")},
    "random_seed": _random_seed,
    "random_bits": _random_bits,
    "random_split": _random_split,
    "random_fold_in": _random_fold_in,
    "threefry2x32": _threefry,
    "iota_2x32_shape": _places,
}
