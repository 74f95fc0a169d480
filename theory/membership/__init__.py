"""Chapter 7: given the generated law, can one tell who was in the training set?

The law is that of the linear model in many steps, G = N(x̄, S) of n Gaussian points, S the unbiased sample covariance.
An attacker gives each point a score, which is to be higher for training points; the AUC is the probability that it is,
for a training point and a fresh one.  `distances` has the attack by the Mahalanobis distance in G, exactly; `limits`
what becomes of it in many dimensions, and what is left of it given only samples of G; `known` the best attack of
who knows the true law as well.  All of it is affine invariant, so nothing depends on the spectrum: data that lie in a
subspace of D dimensions have D for d, and the pseudo-inverse for the inverse.
"""

from theory.membership.distances import membership_auc
from theory.membership.known import membership_auc_known, membership_ratio
from theory.membership.limits import membership_auc_limit, membership_auc_sampled, membership_samples

__all__ = [
    "membership_auc",
    "membership_auc_known",
    "membership_auc_limit",
    "membership_auc_sampled",
    "membership_ratio",
    "membership_samples",
]
