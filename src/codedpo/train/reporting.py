# pyright: basic
# (transformers is only partly typed)
"""The name of a place that shows curves in; whether it can be reported to, told before anything else is done."""

from __future__ import annotations

from importlib.util import find_spec

from codedpo.errors import ConfigError
from codedpo.plugins import did_you_mean

_PACKAGES = {"tensorboard": ("tensorboard", "tensorboardX"), "azure_ml": ("azureml",), "flyte": ("flytekit",)}
"""Packages of which any serves, where they are not named as the place is."""
_KNOWN = ("tensorboard", "trackio", "wandb")


def check_report_to(name: str) -> None:
    """See to it that `train.report_to` names a place that transformers knows, and that its package is installed.

    Raises:
        ConfigError: it is unknown, or its package is missing; says what to install.
    """
    if name == "none":
        return
    if name not in _KNOWN:
        from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK

        if name not in INTEGRATION_TO_CALLBACK:
            known = sorted({"none", *INTEGRATION_TO_CALLBACK})
            raise ConfigError(f"train.report_to: '{name}' is unknown{did_you_mean(name, known)}")
    packages = _PACKAGES.get(name, (name,))
    if not any(find_spec(package) for package in packages):
        raise ConfigError(f"train.report_to: {name} is not installed: pip install {packages[0]}")
