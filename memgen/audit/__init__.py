"""Did a model copy its training set?  Generated points against training records and, best, against a holdout."""

from memgen.audit.answer import audit
from memgen.audit.result import Audit, Pair, Test

__all__ = ["Audit", "Pair", "Test", "audit"]
