"""Primitives with jaxprs inside, and those that do nothing to values; words of random bits."""
import jax
import jax.numpy as jnp
from jax.extend import core

from .elementwise import compare, pointwise, select
from .graph import Body, Number, Value, dim_text
from .lower import Unsupported, is_of_jax, needed
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
    """A call of a function that is compiled, in place; of one of JAX by its name if its own way has no form in Graph IR."""
    inner = equation.params["jaxpr"]
    source = getattr(inner, "jaxpr", inner).debug_info.func_src_info or ""
    rule = {"signbit": _sign_bit}.get(equation.params.get("name")) if is_of_jax(source.partition(" at ")[2]) else None
    return (rule or _inlined("jaxpr"))(lowering, equation, *operands)


def _same(lowering, equation, *operands):
    return list(operands)


def _scan(lowering, equation, *operands):
    p = equation.params
    constants, carries = p["num_consts"], p["num_carry"]
    others, state, sequences = (operands[:constants], operands[constants : constants + carries],
                                operands[constants + carries :])

    def step(inside, state, sequences, others):
        return inside.closed(p["jaxpr"], others + state + sequences)
    return _repeat(lowering, step, p["length"], state, sequences, others, p["reverse"])


def _repeat(lowering, step, length, state, sequences=(), others=(), reverse=False):
    """A scan whose body is what `step` writes: its last state, and its outputs, step by step."""
    body = lowering.body
    inside = Body(body.module, body.numbers)
    inside.location = body.location
    given, structure = jax.tree.flatten((list(state), list(sequences), list(others)))
    counts = [len(jax.tree.leaves(list(values))) for values in (state, sequences)]
    read = [Value(inside.fresh(), v.dtype, v.shape[1:] if 0 <= i - counts[0] < counts[1] else v.shape)
            for i, v in enumerate(given)]
    returned, results = jax.tree.flatten(step(lowering.into(inside), *jax.tree.unflatten(structure, read)))
    # A number has no type of its own where it is returned.
    returned = [inside.whole(v) for v in returned]
    types = [(v.dtype, v.shape if i < counts[0] else (length, *v.shape)) for i, v in enumerate(returned)]
    attributes = {"axis": 0, "carries": counts[0], "length": dim_text(length), "sequences": counts[1],
                  "reverse": "true" if reverse else None}
    made = body.many("scan", [body.whole(v) for v in given], attributes, types, (read, inside, returned))
    return jax.tree.unflatten(results, made)


def _while(lowering, equation, *operands):
    """A scan, if the number of steps is known while tracing, or the most that it can be.

    The condition may be a conjunction: `i < 10 and error > eps`. What counts steps, here i, is computed now, and says how many there
    are at most; the others decide, step by step, whether the state still changes.
    """
    p, n, m = equation.params, equation.params["cond_nconsts"], equation.params["body_nconsts"]
    asked, made, state = list(operands[:n]), list(operands[n : n + m]), list(operands[n + m :])
    condition, body = p["cond_jaxpr"], p["body_jaxpr"]
    parts = _conjuncts(condition.jaxpr)
    counts = [_steps(condition, body, part, asked, made, state) for part in parts]
    known = [count for count in counts if count is not None]
    if not known:
        raise Unsupported("is not supported where the number of steps depends on data: give a maximum, as in "
                          "ops.while_loop(…, maximum_iterations=10)")

    def step(inside, state, sequences, others):
        now = inside.closed(body, others[n:] + state)
        if len(known) == len(parts):
            return now
        goes_on, = inside.closed(condition, others[:n] + state)
        return jax.tree.map(lambda a, b: select(inside.body, goes_on, a, b), now, state)
    return _repeat(lowering, step, min(known), state, others=asked + made)


def _conjuncts(jaxpr):
    """The variables of which all must be true for a condition to be."""
    made = {equation.outvars[0]: equation for equation in jaxpr.eqns}
    found, left = [], [jaxpr.outvars[0]]
    while left:
        variable = left.pop()
        equation = None if isinstance(variable, core.Literal) else made.get(variable)
        if equation is not None and equation.primitive.name == "and":
            left += equation.invars
        else:
            found.append(variable)
    return found


def _read(jaxpr):
    """Which of its arguments a jaxpr's results depend on."""
    read = {v for equation in needed(jaxpr) for v in equation.invars if not isinstance(v, core.Literal)}
    read.update(v for v in jaxpr.outvars if not isinstance(v, core.Literal))
    return {i for i, v in enumerate(jaxpr.invars) if v in read}


MOST_STEPS = 1_000_000


def _steps(condition, body, part, asked, made, state):
    """How often a loop runs until a part of its condition is false; nothing if that depends on what is not known yet."""
    asks = condition.jaxpr.replace(outvars=[part])
    first = _read(asks)
    counters = {i - len(asked) for i in first if i >= len(asked)}
    while True:
        steps = body.jaxpr.replace(outvars=[body.jaxpr.outvars[i] for i in sorted(counters)])
        reads = _read(steps)
        more = counters | {i - len(made) for i in reads if i >= len(made)}
        if more == counters:
            break
        counters = more
    given = [*asked, *state], [*made, *state]
    if not all(isinstance(values[i], Number) for values, wanted in zip(given, (first, reads)) for i in wanted):
        return None
    at = sorted(counters)
    array = lambda value: jnp.full(value.shape, value.number, value.dtype) if isinstance(value, Number) else None

    def runs(jaxpr, consts, given):
        kept = jaxpr.replace(eqns=list(needed(jaxpr)))
        return core.jaxpr_as_fun(core.ClosedJaxpr(kept, consts))(*given)
    fixed = [array(v) for v in asked], [array(v) for v in made]

    def whole(now):
        values = [0] * len(state)
        for i, value in zip(at, now):
            values[i] = value
        return values
    goes_on = lambda s: runs(asks, condition.consts, fixed[0] + whole(s[1]))[0] & (s[0] <= MOST_STEPS)
    count, _ = jax.lax.while_loop(goes_on, lambda s: (s[0] + 1, runs(steps, body.consts, fixed[1] + whole(s[1]))),
                                  (0, [array(state[i]) for i in at]))
    if count > MOST_STEPS:
        raise Unsupported(f"is not supported with more than {MOST_STEPS:,} steps")
    return int(count)


def _cond(lowering, equation, which, *operands):
    """All branches are computed, and the results of one are taken; only that one if it is known which."""
    branches = equation.params["branches"]
    if isinstance(which, Number):
        return lowering.closed(branches[min(max(int(which.number), 0), len(branches) - 1)], operands)
    results = [lowering.closed(branch, operands) for branch in branches]
    body, chosen = lowering.body, results[-1]
    which = body.cast(which, "int32")
    for i in reversed(range(len(results) - 1)):
        chosen = jax.tree.map(lambda a, b: select(body, compare(body, "le", which, i), a, b), results[i], chosen)
    return chosen


def _platform_index(lowering, equation):
    """Of several ways the one for processors, or the one for all."""
    platforms = equation.params["platforms"]
    of_cpu = next((i for i, names in enumerate(platforms) if names and "cpu" in names), None)
    return Number(platforms.index(None) if of_cpu is None else of_cpu, "int32")


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
    "custom_jvp_call": _inlined("call_jaxpr"),
    "custom_vjp_call": _inlined("call_jaxpr"),
    "custom_vjp_call_jaxpr": _inlined("fun_jaxpr"),
    "scan": _scan,
    "while": _while,
    "cond": _cond,
    "platform_index": _platform_index,
    **{name: _same for name in ("copy", "copy_p", "device_put", "optimization_barrier", "sharding_constraint",
                                "stop_gradient")},
    "threefry2x32": _threefry,
    "iota_2x32_shape": _places,
}
