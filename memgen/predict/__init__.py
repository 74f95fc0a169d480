"""Before training: what does a data set say about whether, and by which criterion, a model will memorize it?

`predict` takes rows and returns a `Prediction`.  Nothing heavy is imported until it is called.
"""

from memgen.predict.prediction import Prediction, predict

__all__ = ["Prediction", "predict"]
