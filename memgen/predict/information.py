"""What noised rows tell of their origin, from the spectrum: the information of a Gaussian law with that covariance.

The logarithm is concave, so that the spread of a sample's eigenvalues makes the information by them too small.  The
sample at the noise λ sees the population at κ = λ/(1 − t/N), with t = tr S(S+λ)⁻¹ and N = n − 1, and there the
information is `theory.collapse.information_estimate`, up to −¼ ln(1 − a), 1 − a = dλ/dκ: the mean of the logarithm of a
determinant of real numbers (Bai & Silverstein 2004).  For a Gaussian law less bias is left than a fifth of the error.

The error is that of the jackknife over rows.  The estimate is stationary in λ at fixed κ, so that without row i it is
½ ln(1 − hᵢ) more, but for what is the same for all: hᵢ is the row's leverage, (n/N) yᵢᵀ(S+λ)⁻¹yᵢ/N.  Where a is not
small the jackknife is on the safe side.
"""

from dataclasses import dataclass

import numpy as np

from memgen.predict.spectrum import Covariance

Z = 1.959963984540054  # of a 95% interval
_REACH = 4  # ends of the interval are sought from the width over this to the width times this
_FINEST = 1e-12  # λ of the least noise that is tried, in units of the largest eigenvalue


@dataclass(frozen=True)
class Width:
    """The noise at which the information is ln n, what it takes to tell n points apart, and its 95% interval.

    None: the sample does not reach such low noise, or the interval has no end within a factor 4.
    """

    sigma: float | None
    low: float | None
    high: float | None


class Gaussian:
    """The information I(x_0; x_0 + σξ), in nats, of the Gaussian law with the covariance of the rows, by the noise σ.

    `least` is the noise below which so few rows tell nothing, `scale` the standard deviation along the first axis.
    """

    def __init__(self, covariance: Covariance) -> None:
        self._s, self._n = covariance.spectrum.eigenvalues, covariance.freedom
        self.covariance, self.rows = covariance, covariance.freedom + 1
        # With as many eigenvalues as degrees of freedom κ does not fall below N/Σ(1/s): beyond, rows say nothing.
        full = covariance.spectrum.rank >= covariance.freedom
        self.scale = float(np.sqrt(self._s[0]))  # deviation along the first axis
        self.least = float(np.sqrt(self._n / np.sum(1 / self._s))) * (1 + 1e-6) if full else 0.0

    def information(self, sigma: float) -> float:
        """The estimate at one noise level above `least`, corrected for the number of rows. ValueError below."""
        from theory.collapse import information_estimate

        lam = self._noise_seen(sigma)
        rank = len(self._s)
        raw = float(information_estimate(lam, self._s, rank / self._n))
        return raw - np.log(self._slope(lam)) / 4

    def plug_in(self, sigma: float) -> float:
        """The uncorrected estimate: the eigenvalues of the sample taken for true."""
        return float(np.log1p(self._s / sigma**2).sum() / 2)

    def errors(self, sigmas: np.ndarray) -> np.ndarray:
        """Standard errors of the estimate at noise levels above `least`: one pass over the rows."""
        lams = np.array([self._noise_seen(sigma) for sigma in sigmas])
        weights = (self._n + 1) / self._n**2 / (self._s[:, None] + lams)
        count, first, second = 0, np.zeros(len(lams)), np.zeros(len(lams))
        for squares in self.covariance.squares():
            # a row that is an axis of its own has the leverage 1, but for rounding
            change = np.log1p(-np.minimum(squares @ weights, 1 - 1e-12)) / 2
            if not count:
                shift = change[0]
            count, first = count + len(change), first + (change - shift).sum(0)
            second += ((change - shift) ** 2).sum(0)
        return np.sqrt((second - first**2 / count).clip(0) * self._n / count)

    def width(self, log_n: float) -> float | None:
        """The noise σ at which the information is ln n; None below `least`."""
        from scipy.optimize import brentq

        top = self.plug_in_width(log_n)
        low = max(self.least * 1.001, top * 1e-6)
        if self.information(low) < log_n:
            return None
        return float(np.exp(brentq(lambda u: self.information(np.exp(u)) - log_n, np.log(low), np.log(top * 2))))

    def plug_in_width(self, log_n: float) -> float:
        """The σ at which `plug_in` is ln n: the bracket is that of `theory.collapse.collapse_time`."""
        from scipy.optimize import brentq

        s = self._s
        low, high = np.log(s).mean() - 2 * log_n / len(s), np.log(s.sum() / log_n)
        root = brentq(lambda u: np.log1p(s / np.exp(u)).sum() / 2 - log_n, low - 1, high + 1)
        return float(np.exp(root / 2))

    def interval(self, log_n: float) -> Width:
        """The width with its interval: where the ends of the information's own 95% interval are ln n."""
        return self.interval_by(log_n, *self._nearby(self.width(log_n)))

    def interval_by(self, log_n: float, grid: np.ndarray, errors: np.ndarray) -> Width:
        """`interval` from errors known at rising noise levels around the width, a factor 1.3 or so apart."""
        from scipy.interpolate import CubicSpline
        from scipy.optimize import brentq

        centre = self.width(log_n)
        if centre is None:
            return Width(None, None, None)
        log_error = CubicSpline(np.log(grid), np.log(errors.clip(1e-300)))

        def end(z: float) -> float | None:
            def excess(u: float) -> float:
                return self.information(np.exp(u)) + z * float(np.exp(log_error(u))) - log_n

            first, last = np.log([max(centre / _REACH, grid[0]), min(centre * _REACH, grid[-1])])
            return float(np.exp(brentq(excess, first, last))) if excess(first) > 0 > excess(last) else None

        return Width(centre, end(-Z), end(Z))

    def _nearby(self, centre: float | None) -> tuple[np.ndarray, np.ndarray]:
        if centre is None:
            return np.empty(0), np.empty(0)
        grid = np.geomspace(max(centre / _REACH, self.least * 1.001), centre * _REACH, 11)
        return grid, self.errors(grid)

    def _noise_seen(self, sigma: float) -> float:
        """λ with κ(λ) = σ²."""
        from scipy.optimize import brentq

        if not sigma > self.least:
            raise ValueError(f"sigma = {sigma:g} is below {self.least:g}, the least noise that so few rows tell of")

        def excess(log_lam: float) -> float:
            lam = np.exp(log_lam)
            return log_lam - np.log(self._free(lam)) - 2 * np.log(sigma)

        top = 2 * np.log(sigma)
        low = min(top, np.log(self._s[0])) + np.log(_FINEST)
        while excess(low) > 0:
            low -= 10
        return float(np.exp(brentq(excess, low, top, xtol=1e-12)))

    def _free(self, lam: float) -> float:
        """1 − t/N, without cancellation where all of N is used."""
        return float((self._n - len(self._s) + np.sum(lam / (self._s + lam))) / self._n)

    def _slope(self, lam: float) -> float:
        """dλ/dκ = 1 − a, from κ = λ/(1 − t/N)."""
        falls, left = np.sum(self._s / (self._s + lam) ** 2), self._free(lam)
        return float(left**2 / (left - lam * falls / self._n))
