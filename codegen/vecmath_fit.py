#!/usr/bin/env python3
"""Computes the polynomials of codegen/vecmath.cpp.

    python3 codegen/vecmath_fit.py | clang-format > codegen/vecmath_tables.h        (needs mpmath; half a minute)

Each is the polynomial whose largest weighted error on an interval is smallest, found by Remez's exchange in 40 digits.
The coefficients are then rounded to the format; the comment of each table gives the error of the rounded polynomial.
"""
from mpmath import (atanh, cos, erf, erfc, exp, expm1, fabs, frexp, ldexp, log, lu_solve, matrix, mp, mpf, nstr, pi, sin,
                    sqrt, tanh)

mp.dps = 40
LN2 = log(2)


def rounded(x, bits):
    """x to `bits` significant bits, to nearest."""
    mantissa, exponent = frexp(x)
    return ldexp(mp.nint(ldexp(mantissa, bits)), exponent - bits)


def minimax(f, weight, low, high, basis):
    """Coefficients c of the combination for which max |weight·(f - Σ c_i basis_i)| is smallest."""
    count = len(basis)
    error = lambda x, c: weight(x) * (f(x) - sum(v * b(x) for v, b in zip(c, basis)))
    nodes = spread(low, high, count + 1)
    for _ in range(20):
        a, b = matrix(count + 1, count + 1), matrix(count + 1, 1)
        for i, x in enumerate(nodes):
            for j in range(count):
                a[i, j] = weight(x) * basis[j](x)
            a[i, count] = (-1)**i
            b[i] = weight(x) * f(x)
        solution = list(lu_solve(a, b))
        c, level = solution[:count], fabs(solution[count])
        nodes, peak = extrema(lambda x: error(x, c), low, high, count + 1)
        if peak < level * mpf('1.01'):
            return c
    raise ArithmeticError('the exchange does not converge')


def powers(count):
    return [lambda x, i=i: x**i for i in range(count)]


def polynomial(c):
    return lambda x: sum(v * x**i for i, v in enumerate(c))


def minimax_quotient(f, weight, low, high, above, below):
    """Coefficients p, q for which max |weight·(f - p / q)| is smallest; q begins with 1.

    |f·q - p| is made smallest instead, weighted with the last q (Loeb's iteration).
    """
    q = [mpf(1)] + [mpf(0)] * (below - 1)
    basis = powers(above) + [lambda x, i=i: -f(x) * x**i for i in range(1, below)]
    for _ in range(8):
        scale = polynomial(q)
        c = minimax(f, lambda x: weight(x) / scale(x), low, high, basis)
        q = [mpf(1)] + c[above:]
    return c[:above], q


def spread(low, high, count):
    """Chebyshev's nodes, a little off the middle, where weights may vanish."""
    places = [(1 - cos(pi * (2 * i + 1) / (2 * count))) / 2 for i in range(count)]
    return [low + (high - low) * p**mpf('1.01') for p in places]


def extrema(error, low, high, count):
    """`count` places of alternating extrema of `error`, and the largest size."""
    steps = 12 * count
    grid = [low + (high - low) * (1 - cos(pi * i / steps)) / 2 for i in range(steps + 1)]
    values = [error(x) for x in grid]
    runs = []  # of equal sign: the largest of each
    for x, v in zip(grid, values):
        if v == 0:
            continue
        if runs and (v > 0) == (runs[-1][1] > 0):
            if fabs(v) > fabs(runs[-1][1]):
                runs[-1] = (x, v)
        else:
            runs.append((x, v))
    peak = max(fabs(v) for _, v in runs)
    while len(runs) > count:
        runs.pop(0 if fabs(runs[0][1]) < fabs(runs[-1][1]) else -1)
    return [x for x, _ in runs], peak


def fit(f, weight, low, high, count, bits):
    """Like minimax, with coefficients of `bits` bits; the error is that of the rounded polynomial."""
    c = [rounded(v, bits) for v in minimax(f, weight, low, high, powers(count))]
    grid = [low + (high - low) * i / 497 for i in range(498)]
    return c, max(fabs(weight(x) * (f(x) - polynomial(c)(x))) for x in grid)


def c_number(x, bits):
    digits = 9 if bits == 24 else 17
    return nstr(x, digits, strip_zeros=False, min_fixed=-3, max_fixed=5)


def emit(name, comment, f, weight, low, high, count, bits):
    low, high = mpf(low), mpf(high)
    c, peak = fit(f, weight, low, high, count, bits)
    print(f'/// {comment}; within 2^{nstr(log(peak, 2), 4)}.')
    emit_table(name, c, bits)


def emit_table(name, c, bits):
    print(f'inline constexpr double {name}[] = {{' + ', '.join(c_number(v, bits) for v in c) + '};\n')


def emit_quotient_from_below(names, comment, f, weight, low, high, above, below, bits):
    """A quotient that stays below f: all of the error on one side."""
    low, high = mpf(low), mpf(high)
    p, q = minimax_quotient(f, weight, low, high, above, below)
    error = lambda x: weight(x) * (f(x) - polynomial(p)(x) / polynomial(q)(x))
    grid = [low + (high - low) * (mpf(i) / 997)**2 for i in range(998)]
    p = [v * (1 - mpf('1.01') * max(fabs(error(x)) for x in grid)) for v in p]
    p, q = [rounded(v, bits) for v in p], [rounded(v, bits) for v in q]
    errors = [error(x) for x in grid]
    assert min(errors) > 0
    print(f'/// {comment}; below it by up to 2^{nstr(log(max(errors), 2), 4)}.')
    emit_table(names[0], p, bits)
    emit_table(names[1], q, bits)


def emit_parts(name, comment, value, sizes):
    parts = []
    for size in sizes:
        parts.append(rounded(value - sum(parts), size))
    print(f'/// {comment}.')
    print(f'inline constexpr double {name}[] = {{' + ', '.join(nstr(p, 17) for p in parts) + '};\n')


def away_from_zero(f, at_zero):
    """f, with its limit at 0 given."""
    return lambda x: f(x) if x != 0 else mpf(at_zero)


exp_tail = away_from_zero(lambda r: (expm1(r) - r) / r**2, mpf(1) / 2)
# e^r - 1 = r + r²·q(r), relative to e^r - 1.
expm1_weight = away_from_zero(lambda r: fabs(r**2 / expm1(r)), 0)
# log(1 + f) = 2·atanh(s), s = f / (2 + f), z = s²: 2·atanh(s) = 2·s + s·z·q(z), relative to 2·s.
log_tail = away_from_zero(lambda z: (2 * atanh(sqrt(z)) - 2 * sqrt(z)) / (sqrt(z) * z), mpf(2) / 3)
log_weight = lambda z: z / 2
log_second = away_from_zero(lambda z: (log_tail(z) - mpf(2) / 3) / z, mpf(2) / 5)
log_second_weight = lambda z: z**2 / 2
LOG_END = (sqrt(mpf(2)) - 1)**2 / (sqrt(mpf(2)) + 1)**2 * mpf('1.001')
# sin r = r + r³·q(r²), cos r = 1 - r²/2 + r⁴·q(r²).
sin_tail = away_from_zero(lambda z: (sin(sqrt(z)) / sqrt(z) - 1) / z, -mpf(1) / 6)
sin_weight = away_from_zero(lambda z: z * sqrt(z) / sin(sqrt(z)), 0)
cos_tail = away_from_zero(lambda z: (cos(sqrt(z)) - 1 + z / 2) / z**2, mpf(1) / 24)
cos_weight = lambda z: z**2 / cos(sqrt(z))
TRIG_END = (pi / 4)**2 * mpf('1.001')
# erf x = x + x·q(x²) near 0; further out 1 - e^-q(x).
erf_head = away_from_zero(lambda z: erf(sqrt(z)) / sqrt(z) - 1, 2 / sqrt(pi) - 1)
erf_weight = lambda z: 1 / (1 + erf_head(z))
# Right to bf16: e^r itself; 1 - erf x = e^(x·q(x)), weighted for erf near 0 and for 1 - erf further out.
expm1_quotient = away_from_zero(lambda r: expm1(r) / r, 1)
expm1_relative = away_from_zero(lambda r: r / expm1(r), 1)
log1p_quotient = away_from_zero(lambda z: log(1 + z) / z, 1)
log1p_relative = away_from_zero(lambda z: z / log(1 + z), 1)
tanh_quotient = away_from_zero(lambda z: tanh(sqrt(z)) / sqrt(z), 1)
erfc_exponent = away_from_zero(lambda x: log(erfc(x)) / x, -2 / sqrt(pi))
erfc_weight = lambda x: 1 + x / 2

print('''// Made by codegen/vecmath_fit.py: do not edit. Lowest power first.
#pragma once

namespace keratin::vecmath {
''')
SINGLE, DOUBLE = 24, 53
emit('kExpF32', 'e^r - 1 = r + r²·q(r) for |r| <= ln 2 / 2', exp_tail, expm1_weight, -LN2 * .501, LN2 * .501, 5, SINGLE)
emit('kExpF64', 'The same', exp_tail, expm1_weight, -LN2 * .501, LN2 * .501, 11, DOUBLE)
emit('kExpMedium', 'The same, for f32 results computed in f64', exp_tail, expm1_weight, -LN2 * .501, LN2 * .501, 5, DOUBLE)
emit('kLogF32', '2·atanh(s) = 2·s + s·z·q(z), z = s², for s of log(1 + f), 1 + f in [√½, √2]', log_tail, log_weight, 0, LOG_END, 4, SINGLE)
emit('kLogF64', '2·atanh(s) = 2·s + s·z·q(z)', log_tail, log_weight, 0, LOG_END, 8, DOUBLE)
emit('kLogDouble', '2·atanh(s) = 2·s + s·z·(2/3 + z·q(z)), for a result of two f64', log_second, log_second_weight, 0, LOG_END, 8, DOUBLE)
emit('kLogMedium', 'The same, for f32 results computed in f64', log_tail, log_weight, 0, LOG_END, 6, DOUBLE)
emit('kSinF64', 'sin r = r + r·z·q(z), z = r², for |r| <= π/4', sin_tail, sin_weight, 0, TRIG_END, 6, DOUBLE)
emit('kCosF64', 'cos r = 1 - z/2 + z²·q(z)', cos_tail, cos_weight, 0, TRIG_END, 6, DOUBLE)
emit('kSinMedium', 'sin, for f32 results computed in f64', sin_tail, sin_weight, 0, TRIG_END, 4, DOUBLE)
emit('kCosMedium', 'cos, for f32 results computed in f64', cos_tail, cos_weight, 0, TRIG_END, 4, DOUBLE)
emit('kErfF32', 'erf x = x + x·q(x²) for |x| <= 1', erf_head, erf_weight, 0, 1, 7, SINGLE)
emit('kErfTailF32', 'erf x = 1 - e^-q(x) for x in [1, 4], relative to 1', lambda x: -log(erfc(x)), erfc, 1, 4, 9, SINGLE)
emit('kErfF64', 'erf x = x + x·q(x²) for |x| <= 1', erf_head, erf_weight, 0, 1, 15, DOUBLE)
emit('kErfTailF64', 'erf x = 1 - e^(-x²)·q(t), t = (x - 3) / (x + 3), for x in [1, 6], relative to 1',
     lambda t: exp((3 * (1 + t) / (1 - t))**2) * erfc(3 * (1 + t) / (1 - t)), lambda t: exp(-(3 * (1 + t) / (1 - t))**2), -mpf(1) / 2, mpf(1) / 3, 17, DOUBLE)
emit('kExpBf16', '2·e^r for |r| <= ln 2 / 2, relative to it', lambda r: 2 * exp(r), lambda r: exp(-r) / 2, -LN2 * .501,
     LN2 * .501, 4, SINGLE)
emit('kExpm1Bf16', 'e^r - 1 = r·q(r)', expm1_quotient, expm1_relative, -LN2 * .501, LN2 * .501, 4, SINGLE)
emit('kExpm1ShortBf16', 'The same', expm1_quotient, expm1_relative, -LN2 * .501, LN2 * .501, 3, SINGLE)
emit('kLog1pBf16', 'log(1 + z) = z·q(z) for z in [0, 1]', log1p_quotient, log1p_relative, 0, 1, 5, SINGLE)
emit_quotient_from_below(('kTanhAboveBf16', 'kTanhBelowBf16'), 'tanh x = x·p(x²) / q(x²) for |x| <= 5', tanh_quotient,
                         lambda z: 1 / tanh_quotient(z), 0, 25, 3, 3, SINGLE)
emit('kErfcBf16', '1 - erf x = e^(x·q(x)) for x in [0, 4]', erfc_exponent, erfc_weight, 0, 4, 6, SINGLE)
emit_parts('kLn2Bf16', 'ln 2', LN2, [24])
emit_parts('kLn2F32', 'ln 2; the first part times a whole number up to 2^9 is exact in f32', LN2, [15, 24])
emit_parts('kLn2F64', 'ln 2; likewise, up to 2^11 in f64', LN2, [42, 53])
emit_parts('kHalfPi', 'π/2; the first two parts times a whole number up to 2^22 are exact', pi / 2, [31, 31, 53])
print('}  // namespace keratin::vecmath')
