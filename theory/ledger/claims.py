"""The ledger: claims of the paper and of other theories, and questions of reviewers, with verdicts that are computed
each time.

A claim is decided by a question: what would make it hold and fail is stated in it as data, and evidence from `results/`
or computed on the spot is judged by that. A claim without a question is pending: there is no chapter yet that would
decide it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from memgen.errors import BadInput
from theory.ledger.ruling import VERDICTS, Question, Ruling
from theory.ledger.verdicts import (
    criteria,
    dimension,
    features,
    images,
    kernel,
    linear,
    network,
    relaxation,
    sampling,
    training,
    transition,
    windows,
)


@dataclass(frozen=True)
class Claim:
    """A claim in our words, where it was made, the question that decides it, and the notebook that shows why."""

    id: str
    statement: str
    source: str
    question: Question[Any] | None = None
    chapter: str | None = None

    def rule(self) -> Ruling:
        """The verdict, computed anew."""
        if self.question is None:
            return Ruling("pending", "", "The chapter that decides it is not written yet.", {}, {})
        return self.question.rule()

    def row(self) -> dict[str, Any]:
        """Claim and ruling as plain values."""
        stated = {"id": self.id, "statement": self.statement, "source": self.source, "chapter": self.chapter}
        return {**stated, **self.rule()._asdict()}


_PAPER, _NEXT = "halder2024", "halder2024solvable"

CLAIMS: tuple[Claim, ...] = (
    Claim(
        "C1",
        "The kernel width is the principled one: at it a point's own component dominates all others, or balances them.",
        f"{_PAPER} §2",
        kernel.width_balances,
        "01_kernel_width",
    ),
    Claim(
        "C2",
        "After t_R the law is Gaussian enough for a linear score.",
        f"{_PAPER} §2.3",
        relaxation.gaussian_after_relaxation,
        "02_relaxation_time",
    ),
    Claim(
        "C3",
        "The linear model passes from memorization to generalization sharply, at n ≈ d.",
        f"{_PAPER} §3, Fig. 3",
        transition.sharp_at_d,
        "04_transition_probability",
    ),
    Claim(
        "C4",
        "Hellinger's distance to the true law bends at the transition.",
        f"{_PAPER} Fig. 2(b)",
        linear.hellinger_bends,
        "03_linear_denoiser",
    ),
    Claim(
        "C5",
        "At the transition the distance E_OG to the original law falls as well.",
        f"{_PAPER} §3–4, Fig. 1",
        transition.original_distance_falls,
        "04_transition_probability",
    ),
    Claim(
        "C6",
        "A U-Net of 12.9 million parameters shows the same transition.",
        f"{_PAPER} Fig. 4",
        network.transition,
        "05_network",
    ),
    Claim(
        "C7",
        "KL(G‖O) has an explicit formula and falls monotonically from n = d on.",
        _NEXT,
        linear.kl_is_monotone,
        "03_linear_denoiser",
    ),
    Claim(
        "C8",
        "More diffusion steps improve quality; at finite n there is an optimal number.",
        f"{_NEXT} v2",
        sampling.optimal_steps,
        "09_discretised_sampling",
    ),
    Claim(
        "R1.1",
        "On real data memorization may fade without quality improving.",
        "review 1",
        images.memory_fades_alone,
        "13_images",
    ),
    Claim(
        "R1.2",
        "Discretised sampling and non-Gaussian data are not covered.",
        "review 1",
        sampling.discretised,
        "09_discretised_sampling",
    ),
    Claim(
        "R1.3",
        "That E_OG falls at the transition follows from the definition.",
        "reviews 1, 5",
        transition.circular,
        "04_transition_probability",
    ),
    Claim(
        "R2.1",
        "Isotropy is too strong: anisotropic data and mixtures are missing.",
        "review 2",
        dimension.isotropic_is_too_strong,
        "12_intrinsic_dimension",
    ),
    Claim(
        "R2.2", "E_TG and E_OG of Fig. 4 fall together and never cross.", "review 2", network.distances, "05_network"
    ),
    Claim(
        "R2.3",
        "Can the transition be quantified in practice?",
        "review 2",
        criteria.quantified_in_practice,
        "06_criteria",
    ),
    Claim(
        "R3.1",
        "Is it the ambient dimension that counts, or the intrinsic one?",
        "review 3",
        images.which_dimension,
        "13_images",
    ),
    Claim(
        "R3.2",
        "Images are memorized at n ≫ d: complexity of the data must play a role.",
        "review 3",
        images.complexity,
        "13_images",
    ),
    Claim(
        "R4.1",
        "Deep denoisers would have to be seen as kernel or feature regressions.",
        "review 4",
        features.as_regressions,
        "10_features_and_kernels",
    ),
    Claim(
        "R5.1",
        "Wasserstein's distance would need no smoothing.",
        "review 5",
        criteria.wasserstein_needs_no_smoothing,
        "06_criteria",
    ),
    Claim(
        "R5.2",
        "The kernel width brings ρ_T near the true law instead of the training set.",
        "review 5",
        kernel.width_serves_the_truth,
        "01_kernel_width",
    ),
    Claim(
        "R5.3",
        "A linear score generates Gaussians only: it cannot memorize points.",
        "review 5",
        transition.only_gaussians,
        "04_transition_probability",
    ),
    Claim(
        "R5.4",
        "P(Δ>0) of Fig. 4 is above 0.8 at every n: no transition.",
        "review 5",
        network.probability,
        "05_network",
    ),
    Claim(
        "R5.5",
        "§2 needs n ~ e^{αd}, §3 uses n ~ d: the limits contradict each other.",
        "review 5",
        kernel.limits_contradict,
        "01_kernel_width",
    ),
    Claim("R5.6", "The quality of what is generated is ignored.", "review 5", network.quality, "05_network"),
    Claim("R5.7", "The number of parameters is ignored.", "review 5", training.parameters, "11_training_time"),
    Claim(
        "R5.8",
        "Figures lack labels, error bars and logarithmic scales.",
        "review 5",
        transition.error_bars,
        "04_transition_probability",
    ),
    Claim(
        "T1",
        "The training time to memory grows as n; that to learn the law does not depend on n.",
        "bonnaire2025",
        features.linear_in_n,
        "10_features_and_kernels",
    ),
    Claim(
        "T2",
        "More noises a point help where features are fewer than points, and harm where they are more.",
        "george2025",
        features.more_noises,
        "10_features_and_kernels",
    ),
    Claim(
        "T3",
        "A generated class has its mean wrong by an error that falls as 1/n, the Bayes-optimal rate.",
        "cui2024",
        features.means_of_classes,
        "10_features_and_kernels",
    ),
    Claim(
        "T4",
        "Posterior means over windows, calibrated at each noise, predict what convolutional networks make.",
        "kamb2025",
        windows.what_networks_make,
        "15_windows",
    ),
    Claim(
        "T5",
        "Denoisers look at near pixels because of the law of the pictures, not because of their architecture.",
        "lukoianov2025",
        windows.from_the_pictures,
        "15_windows",
    ),
)


def rows(
    ids: Sequence[str] = (), progress: Callable[[Sequence[Claim]], Iterable[Claim]] = iter
) -> list[dict[str, Any]]:
    """Rows of all claims, or of those asked for, each decided as `progress` hands it on.

    BadInput names an id that is not there. What the paper got right comes first, then its other claims, then its
    reviewers', then those of other theories, then commentary, which nothing computed could turn, and what is pending at
    the end.
    """
    known = {claim.id: claim for claim in CLAIMS}
    if unknown := [name for name in ids if name not in known]:
        raise BadInput(f"no claim {unknown[0]!r} (known: {', '.join(known)})")
    chosen = [known[name] for name in dict.fromkeys(ids)] if ids else list(CLAIMS)

    def place(row: Mapping[str, Any]) -> tuple[int, int, int]:
        last = ("commentary", "pending").index(row["verdict"]) + 1 if row["verdict"] in ("commentary", "pending") else 0
        return last, "CRT".index(row["id"][0]), VERDICTS.index(row["verdict"])

    return sorted((claim.row() for claim in progress(chosen)), key=place)
