// What the calculator says, from the generated formulas: nothing here touches the page.
"use strict";

// Two classes at ±m along the widest direction of a class, whose eigenvalues fall as j^{−slope} and have the mean 1.
// `spread` is |m|/√d.
function two_classes(d, slope, spread) {
    const raw = Float64Array.from({length: d}, (_, j) => Math.pow(j + 1, -slope));
    const scale = mean(raw, (x) => x);
    const eigenvalues = raw.map((x) => x / scale);
    return {d, top: eigenvalues[0], rest: eigenvalues.slice(1), separation: spread * Math.sqrt(d)};
}

// I(x_0; x_0 + τξ) in nats: independent directions add, and the class is in the first alone.
function told(law, tau) {
    return told_by_first(law, tau) + told_by_rest(law, tau);
}

function told_by_first(law, tau) {
    return mixture_information(diffusion_time(tau), law.separation, 1, Math.sqrt(law.top));
}

function told_by_rest(law, tau) {
    return law.d > 1 ? information(tau, law.rest) : 0;
}

function noise(t) {
    return Math.sqrt(noise_variance(t));
}

// τ at which the class is decided, and at which half of the widest direction within a class is.
function decisions(law) {
    return {
        speciation: noise(speciation_time(law.top + law.separation ** 2)),
        details: noise(spectral_relaxation_time(law.top)),
    };
}

// τ at which I = ln n. Of all laws with its covariance the Gaussian tells most, and the classes add to I.
function collapse(law, n) {
    const most = (law.d + law.separation ** 2) / Math.log(n);
    const least = law.top / (n * n - 1);
    return root((tau) => told(law, tau) - Math.log(n), Math.sqrt(least) / 2, Math.sqrt(most));
}

function regime(law, n, tau) {
    if (Math.log(n) <= told(law, tau)) return "copy";
    const {speciation, details} = decisions(law);
    if (tau <= details) return "new sample";
    return tau <= speciation ? "class" : "noise";
}

// The width of the kernel depends on n, weakly.
function overlap_crossing(d) {
    let found = Math.log(3 * Math.pow(d, 1.5));
    for (let k = 0; k < 50; k++) {
        const last = found;
        found = Math.log(overlap_samples(LEVEL, d, 1 / (1 + kernel_width(Math.exp(last), d) ** 2)));
        if (!(Math.abs(found - last) >= 1e-9)) break;
    }
    return Math.exp(found);
}

// n* by the names of theory.criteria.transitions; NaN where there is none. The overlap has one from 512 dimensions on.
function transitions(d) {
    return {
        nearest_ratio: NEAREST_RATIO,
        wasserstein2: wasserstein_samples(d),
        two_models: consistency_samples(d),
        kl_generated_true: d,
        kl_true_generated: d * likelihood_threshold([1], 1),
        best_kernel: best_kernel_samples(d),
        overlap: overlap_crossing(d),
    };
}

// The ⅓ rule names the first n that passes, the others the last that does not.
function generalizes(name, n, threshold) {
    return name === "nearest_ratio" ? n >= threshold : n > threshold;
}
