// What the generated formulas call: the functions of the suite that ECMAScript lacks, each by the algorithm of its
// `numpy` in theory/core, and roots. All numbers are float64.
"use strict";

// The one sign change of f in (low, high), in the logarithm where low > 0: bisection, with inverse quadratic
// interpolation where that is safe (Chandrupatla 1997, which SciPy uses for the same roots). NaN where there is none.
function root(f, low, high) {
    const forward = low > 0 ? Math.log : Number, backward = low > 0 ? Math.exp : Number;
    const value = (y) => f(backward(y));
    let a = forward(high), b = forward(low), c, fa = value(a), fb = value(b), fc;  // the last two steps are a and c
    if (!(fa * fb <= 0)) return NaN;
    for (let step = 0.5, k = 0; k < 200; k++) {
        const x = a + step * (b - a), fx = value(x);
        if (Math.sign(fx) === Math.sign(fa)) [c, fc] = [a, fa];
        else [c, fc, b, fb] = [b, fb, a, fa];
        [a, fa] = [x, fx];
        const least = 4e-16 * Math.abs(Math.abs(fa) < Math.abs(fb) ? a : b) + 1e-16, wide = Math.abs(b - a);
        if (fa === 0 || wide <= least) break;
        const xi = (a - b) / (c - b), phi = (fa - fb) / (fc - fb);
        const safe = phi * phi < xi && (1 - phi) * (1 - phi) < 1 - xi;
        step = safe ? fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb) : 0.5;
        step = Math.min(Math.max(step, least / wide / 2), 1 - least / wide / 2);
    }
    return backward(Math.abs(fa) < Math.abs(fb) ? a : b);
}

// The average of f over a spectrum.
function mean(spectrum, f) {
    let total = 0;
    for (let k = 0; k < spectrum.length; k++) total += f(spectrum[k]);
    return total / spectrum.length;
}

// e^{x²} erfc(x), x ≥ 0: the series of erf, all terms positive, and from 2 on the continued fraction.
function erfcx(x) {
    if (x >= 2) {
        let rest = 0;
        for (let k = 100; k > 0; k--) rest = k / 2 / (x + rest);
        return 1 / (Math.sqrt(Math.PI) * (x + rest));
    }
    let term = x, sum = x;
    for (let k = 1; term > 1e-17 * sum; k++) sum += term *= 2 * x * x / (2 * k + 1);
    return Math.exp(x * x) - 2 / Math.sqrt(Math.PI) * sum;
}

// ₂F₁ on [0, 1] by its series. At z = 1 terms fall as k^{a+b−c−1}: there that of ∫ √s dMP ends 3·10⁻¹¹ short.
function hyp2f1(a, b, c, z) {
    let term = 1, sum = 1;
    for (let k = 0; k < 5e4 && Math.abs(term) > 1e-17 * Math.abs(sum); k++) {
        sum += term *= (a + k) * (b + k) / ((c + k) * (k + 1)) * z;
    }
    return sum;
}

function root_deficit(x) {
    if (x >= 0.1) return 1 - hyp2f1(-0.5, 0.5, 2, x);
    let term = x / 8, sum = 0;
    for (let k = 1; k < 17; k++) {
        sum += term;
        term *= (k - 0.5) * (k + 0.5) / ((k + 1) * (k + 2)) * x;
    }
    return sum;
}

function log_ndtr(x) {
    const upper = erfcx(Math.abs(x) / Math.SQRT2) / 2;
    return x < 0 ? Math.log(upper) - x * x / 2 : Math.log1p(-upper * Math.exp(-x * x / 2));
}

function log_mills(w) {
    return Math.log(Math.sqrt(Math.PI / 2) * erfcx(w / Math.SQRT2));
}

function log_add(a, b) {
    return Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)));
}

// r − ln(1+r) for |r| < ¼
function near_one(r) {
    const s = r / (2 + r);
    let tail = 0;
    for (let k = 21; k > 2; k -= 2) tail = 1 / k + s * s * tail;
    return 2 * s * s * (1 / (1 - s) - s * tail);
}

function log_excess(r) {
    return Math.abs(r) < 0.25 ? near_one(r) : r - Math.log1p(r);
}

function narrowing(x) {
    return x < 0.25 ? near_one(-x / (1 + x)) : Math.log1p(x) - x / (1 + x);
}

// φ² Φ^{n−2} by the trapezoid rule: its integral and its second moment. A formula asks for both at the same n.
const TIE = Float64Array.from({length: 1961}, (_, k) => -9 + k / 40);
const LOG_BELOW = TIE.map(log_ndtr);
let tied = {};

function tie_moments(n) {
    if (tied.n === n) return tied;
    let mass = 0, second = 0;
    for (let k = 0; k < TIE.length; k++) {
        const u2 = TIE[k] * TIE[k];
        const term = Math.exp((n - 2) * LOG_BELOW[k] - u2);
        mass += term;
        second += u2 * term;
    }
    return tied = {n, mass: mass / (80 * Math.PI), square: second / mass};
}

function normal_max(n) {
    return n * (n - 1) * tie_moments(n).mass;
}

function tie_square(n) {
    return tie_moments(n).square;
}

// I(class; b·class + z) in nats, of b²
function class_information(b2) {
    const b = Math.sqrt(b2), step = 0.25 / Math.min(Math.max(b, 1), 12);
    let sum = 0;
    for (let k = -480; k <= 480; k++) {
        const z = step * k, u = b * (b + z);
        if (z * z > 80) continue;  // weights below 10⁻¹⁷
        const weight = step * Math.exp(-z * z / 2) / Math.sqrt(2 * Math.PI);
        sum += weight * (b2 < 1 ? Math.log1p(2 * Math.sinh(u / 2) ** 2) : log_add(0, -2 * u));
    }
    return b2 < 1 ? b2 - sum : Math.log(2) - sum;
}
