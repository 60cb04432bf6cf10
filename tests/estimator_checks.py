"""The checks of scikit-learn for estimators, as a list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sklearn.utils import estimator_checks


def parametrize_with_checks(
    estimators: list[Any], expected_failed_checks: Callable[[Any], dict[str, str]] | None = None
) -> pytest.MarkDecorator:
    """Return scikit-learn's mark; up to 1.8 it holds a generator, which pytest 9.1 and later warn of."""
    mark = estimator_checks.parametrize_with_checks(
        estimators, expected_failed_checks=expected_failed_checks
    ).mark
    names, checks = mark.args
    return pytest.mark.parametrize(names, list(checks), **mark.kwargs)
