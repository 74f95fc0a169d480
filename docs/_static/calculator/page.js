// The page: five sliders, the map, the sentence and the thresholds. Drawn anew at every move, in pixels of the screen.
"use strict";

const SAYS = {
    "noise": "nothing is decided yet",
    "class": "one of the two classes is decided, and no detail",
    "new sample": "it is decided in detail, and is not a copy",
    "copy": "the result is one of the training points",
};
const REGIMES = Object.keys(SAYS);
const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const at = (id) => document.getElementById("calculator-" + id);

function power(k) {
    if (k === 0 || k === 1) return k ? "10" : "1";
    const digits = Array.from(String(Math.abs(k)), (digit) => SUPERSCRIPTS[digit]).join("");
    return "10" + (k < 0 ? "⁻" : "") + digits;
}

function shown(x) {
    if (x >= 100) return Math.round(x).toLocaleString("en-US");
    return x >= 0.001 ? String(Number(x.toPrecision(3))) : x.toExponential(1).replace("e-", " × 10⁻").replace(/\d+$/,
        (digits) => Array.from(digits, (digit) => SUPERSCRIPTS[digit]).join(""));
}

// -- what the sliders say ---------------------------------------------------------------------------------------------
function rounded(x) {
    return Number(x.toPrecision(2));
}

function read() {
    const value = (id) => Number(at(id).value);
    return {
        n: Math.round(rounded(Math.pow(10, value("n")))),
        d: Math.round(Math.pow(2, value("d"))),
        slope: value("slope"),
        tau: rounded(Math.pow(10, value("tau"))),
        spread: value("spread"),
    };
}

// What is computed once: for a spectrum, for a law, and for a number of points under it. ln I is on a grid in ln τ.
const SPACING = Math.LN10 / 4;
let spectrum = {}, kept = {}, collapsed = {};

function lawOf({d, slope, spread}) {
    if (spectrum.d !== d || spectrum.slope !== slope) spectrum = {d, slope, told: {}};
    else if (kept.spread === spread) return kept;
    const law = two_classes(d, slope, spread), rest = spectrum.told, known = {};
    const log_told = (k) => {
        const tau = Math.exp(k * SPACING);
        return known[k] ??= Math.log(told_by_first(law, tau) + (rest[k] ??= told_by_rest(law, tau)));
    };
    return kept = {spread, law, log_told, decided: decisions(law)};
}

function collapseOf(law, n) {
    if (collapsed.law !== law || collapsed.n !== n) collapsed = {law, n, tau: collapse(law, n)};
    return collapsed.tau;
}

// The smooth curve through them, [ln τ, ln I] from `high` down to `low`: cubics, as it has no corners.
function curveOf(log_told, low, high) {
    const points = [];
    for (let k = Math.ceil(high / SPACING); k >= Math.floor(low / SPACING); k--) {
        const [p, q, r, s] = [k + 1, k, k - 1, k - 2].map(log_told);
        for (let part = 0; part < 6; part++) {
            const u = part / 6;
            const bend = u * (r - p) + u * u * (2 * p - 5 * q + 4 * r - s) + u * u * u * (3 * (q - r) + s - p);
            points.push([(k - u) * SPACING, q + bend / 2]);
        }
    }
    return points;
}

let thresholds = {};

function thresholdsOf(d) {
    if (thresholds.d !== d) thresholds = {d, of: transitions(d)};
    return thresholds.of;
}

// -- the map ----------------------------------------------------------------------------------------------------------
function element(name, attributes, text) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
}

// The window: the four regions, and the reader in it.
function windowOf({n, d, tau}, {decided}, ends) {
    const ratio = Math.log(n) / d;
    const most = Math.max(8, 3 * decided.speciation, 3 * decided.details, 2 * tau, 2 * ends);
    const least = Math.min(0.07, tau / 2, Math.max(ends / 2, 1e-3));
    return {x: [Math.log(most), Math.log(least)], y: [Math.log(Math.min(0.06, ratio / 2)), Math.log(Math.max(3.2, 2 * ratio))]};
}

function draw(state, about, ends) {
    const svg = at("map"), width = Math.max(svg.parentNode.clientWidth, 280), height = Math.min(440, Math.max(340, width * 0.6));
    const box = {left: 62, right: width - 68, top: 30, bottom: height - 46};
    const view = windowOf(state, about, ends);
    const linear = ([a, b], [p, q]) => (value) => p + (value - a) / (b - a) * (q - p);
    const x = linear(view.x, [box.left, box.right]), y = linear(view.y, [box.bottom, box.top]);
    const curve = curveOf(about.log_told, view.x[1], view.x[0]).map(([log_tau, log_told]) => [x(log_tau), y(log_told - Math.log(state.d))]);
    const height_at = (px) => {
        let k = 1;
        while (k < curve.length - 1 && curve[k][0] < px) k++;
        const [[x0, y0], [x1, y1]] = [curve[k - 1], curve[k]];
        return y0 + (px - x0) / (x1 - x0) * (y1 - y0);
    };
    const {speciation, details} = about.decided;
    const edges = [Math.log(Math.max(speciation, details)), Math.log(details)].map(x);
    const you = [x(Math.log(state.tau)), y(Math.log(Math.log(state.n) / state.d))];

    svg.replaceChildren();
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("height", height);
    const add = (name, attributes, text) => svg.appendChild(element(name, attributes, text));
    const strip = (kind, from, to) => {
        if (to > from) add("rect", {class: kind, x: from, width: to - from, y: box.top, height: box.bottom - box.top});
    };
    strip("noise", box.left, edges[0]);
    strip("class", edges[0], edges[1]);
    strip("new-sample", edges[1], box.right);
    const clip = add("clipPath", {id: "calculator-inside"});
    clip.appendChild(element("rect", {x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top}));
    const inside = add("g", {"clip-path": "url(#calculator-inside)"});
    const bound = curve.map(([px, py]) => `${px.toFixed(1)},${Math.max(py, box.top - 50).toFixed(1)}`).join(" ");
    inside.appendChild(element("polygon", {class: "copy", points: `${curve[0][0]},${box.bottom + 50} ${bound} ${curve.at(-1)[0]},${box.bottom + 50}`}));
    inside.appendChild(element("polyline", {class: "ends", points: bound}));
    for (const [kind, px] of [["speciation", edges[0]], ["details", edges[1]]]) {
        const low = Math.min(height_at(px), box.bottom);
        if (low > box.top && (kind === "details" || edges[1] > edges[0])) {
            add("line", {class: kind, x1: px, x2: px, y1: low, y2: box.top});
        }
    }
    axes(add, view, box, x, y, state.d);
    names(add, box, edges, height_at, you);
    add("path", {class: "cross", d: `M${you[0]},${box.bottom}V${box.top}M${box.left},${you[1]}H${box.right}`});
    add("circle", {class: "you", cx: you[0], cy: you[1], r: 7});
}

function axes(add, view, box, x, y, d) {
    const middle = (box.top + box.bottom) / 2;
    add("rect", {class: "frame", x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top});
    const spaced = (room) => {
        let last = -Infinity;
        return (place) => Math.abs(place - last) >= room && ((last = place), true);
    };
    const decades = ([a, b]) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)].map((end) => end / Math.LN10);
        return Array.from({length: Math.floor(high) - Math.ceil(low) + 1}, (_, k) => Math.ceil(low) + k);
    };
    const fitsAcross = spaced(34), fitsUp = spaced(18), fitsRight = spaced(18);
    for (const k of decades(view.x)) {
        const px = x(k * Math.LN10);
        add("line", {class: "tick", x1: px, x2: px, y1: box.bottom, y2: box.bottom + 5});
        if (fitsAcross(px)) add("text", {x: px, y: box.bottom + 19, "text-anchor": "middle"}, Math.abs(k) < 3 ? String(Number(Math.pow(10, k).toPrecision(1))) : power(k));
    }
    for (const k of decades(view.y)) {
        const py = y(k * Math.LN10);
        add("line", {class: "tick", x1: box.left - 5, x2: box.left, y1: py, y2: py});
        if (fitsUp(py)) add("text", {x: box.left - 8, y: py + 4, "text-anchor": "end"}, Math.abs(k) < 3 ? String(Number(Math.pow(10, k).toPrecision(1))) : power(k));
    }
    for (const p of [Math.log10(2), 1, 2, 3, 6, 9, 20, 50, 100, 300, 1000, 3000]) {
        const py = y(Math.log(p * Math.LN10 / d));
        if (py <= box.bottom && py >= box.top && fitsRight(py)) {
            add("line", {class: "tick", x1: box.right, x2: box.right + 5, y1: py, y2: py});
            add("text", {x: box.right + 8, y: py + 4}, p < 1 ? "2" : power(p));
        }
    }
    add("text", {x: (box.left + box.right) / 2, y: box.bottom + 39, "text-anchor": "middle"}, "noise τ [spread σ of a class]");
    add("text", {x: 0, y: 0, "text-anchor": "middle", transform: `translate(14 ${middle}) rotate(-90)`}, "ln n / d");
    add("text", {x: 0, y: 0, "text-anchor": "middle", transform: `translate(${box.right + 62} ${middle}) rotate(-90)`}, "training points n");
    add("text", {class: "way", x: (box.left + box.right) / 2, y: 18, "text-anchor": "middle"}, "the sampler goes this way →");
}

// Each region is named where there is most room for its name, away from the reader; where there is none, the legend does.
function names(add, box, edges, height_at, you) {
    const region = (px, py) => py > height_at(px) ? "copy" : px < edges[0] ? "noise" : px < edges[1] ? "class" : "new sample";
    for (const name of REGIMES) {
        const half = name.length * 4.3 + 5, tall = 12;
        const free = [];
        for (let py = box.top + 16; py < box.bottom - 14; py += 12) {
            for (let px = box.left + half + 2; px < box.right - half; px += 10) {
                const corners = [[px - half, py - tall], [px + half, py - tall], [px - half, py + tall], [px + half, py + tall], [px, py - tall], [px, py + tall]];
                const clear = Math.abs(px - you[0]) > half + 4 && Math.abs(py - you[1]) > tall + 4;
                if (clear && corners.every((corner) => region(...corner) === name)) free.push([px, py]);
            }
        }
        if (!free.length) continue;
        const centre = [0, 1].map((k) => free.reduce((total, place) => total + place[k], 0) / free.length);
        const far = ([px, py]) => Math.hypot(px - centre[0], py - centre[1]);
        const [px, py] = free.reduce((best, place) => far(place) < far(best) ? place : best);
        add("text", {class: "region", x: px, y: py + 5, "text-anchor": "middle"}, name);
    }
}

// -- the words --------------------------------------------------------------------------------------------------------
function say({n, d, tau}, law, ends) {
    const found = regime(law, n, tau);
    const next = found === "copy" ? `That is so at all noise below τ = ${shown(ends)}.`
        : `It collapses onto a training point at τ = ${shown(ends)}.`;
    at("regime").textContent = found;
    at("regime").className = found.replace(" ", "-");
    at("says").textContent = `${SAYS[found]}, where the exact score of ${n.toLocaleString("en-US")} training points in ` +
        `${d.toLocaleString("en-US")} dimension${d > 1 ? "s" : ""} has come down to the noise τ = ${shown(tau)}. ${next}`;
}

function tabulate({n, d}) {
    const of = thresholdsOf(d);
    for (const [name, threshold] of Object.entries(of)) {
        const known = d >= 16 && Number.isFinite(threshold), row = at("row-" + name).cells;
        row[1].textContent = known ? shown(threshold) : "—";
        row[2].textContent = !known ? "—" : generalizes(name, n, threshold) ? "generalizes" : "memorizes";
        row[2].className = known ? row[2].textContent : "";
    }
    at("points").textContent = n.toLocaleString("en-US");
    at("note").textContent = d < 16 ? "Below 16 dimensions there are no thresholds."
        : Number.isFinite(of.overlap) ? "" : "That of the overlap is computed here from 512 dimensions on.";
}

function rows() {
    for (const [name, {label, turns}] of Object.entries(CRITERIA)) {
        const row = at("thresholds").insertRow();
        row.id = "calculator-row-" + name;
        const head = row.appendChild(document.createElement("th"));
        head.scope = "row";
        head.append(label, Object.assign(document.createElement("small"), {textContent: turns}));
        row.insertCell();
        row.insertCell();
    }
}

function update() {
    const state = read(), about = lawOf(state), ends = collapseOf(about.law, state.n);
    at("n-value").value = state.n.toLocaleString("en-US");
    at("d-value").value = state.d.toLocaleString("en-US");
    at("slope-value").value = state.slope;
    at("tau-value").value = shown(state.tau);
    at("spread-value").value = state.spread;
    for (const id of ["n", "d", "slope", "tau", "spread"]) at(id).setAttribute("aria-valuetext", at(id + "-value").value);
    say(state, about.law, ends);
    draw(state, about, ends);
    tabulate(state);
}

rows();
at("controls").addEventListener("input", update);
new ResizeObserver(update).observe(at("map").parentNode);
update();
at("calculator").hidden = false;
