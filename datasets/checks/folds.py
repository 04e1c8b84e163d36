"""Out-of-fold predictions: each picture judged by a model that saw none of its unit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

FOLDS = 5
MIN_UNITS = 10
"""Of each class, to be judged at all."""

Matrix = NDArray[np.floating[Any]]
Numbers = NDArray[np.int64]


def on_features() -> Any:
    """Logistic regression on a network's features."""
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2_000))


def on_trivia() -> Any:
    """A forest: a rule as odd as 'all 640 px wide' must not escape it."""
    return RandomForestClassifier(50, min_samples_leaf=3, random_state=0, n_jobs=1)


def units_per_class(classes: Numbers, units: Numbers) -> list[int]:
    """How many units have each class, for classes 0..K-1."""
    return [len(np.unique(units[classes == k])) for k in range(int(classes.max()) + 1)]


def out_of_fold(model: Any, x: Matrix, classes: Numbers, units: Numbers) -> Matrix:
    """Probabilities for each row from folds that keep units whole and classes in proportion.

    Args:
        model: A scikit-learn classifier.
        x: (N, D)
        classes: (N,) in 0..K-1, each of at least MIN_UNITS units.
        units: (N,)

    Returns:
        (N, K)
    """
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    found: Matrix = cross_val_predict(
        model, x, classes, groups=units, cv=folds, method="predict_proba"
    )
    return found
