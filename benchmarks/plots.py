"""Plots of what the other scripts measure, for docs/performance.md; needs the training extra."""

from collections.abc import Mapping
from pathlib import Path


def bars(path: Path, panels: Mapping[str, Mapping[str, float]]) -> None:
    """Draw horizontal bars, one panel a key: label to value, the key being the unit."""
    import matplotlib.pyplot as plt  # noqa: PLC0415 - the benchmarks themselves need no plots

    figure, axes = plt.subplots(
        1, len(panels), figsize=(5.5 * len(panels), 3), layout="constrained", squeeze=False
    )
    for axis, (unit, values) in zip(axes[0], panels.items(), strict=True):
        labels = list(values)[::-1]
        drawn = axis.barh(labels, [values[label] for label in labels], color="#4477aa")
        axis.bar_label(drawn, fmt="%.3g", padding=2, fontsize=8)
        axis.set_xlabel(unit)
        axis.margins(x=0.15)
    figure.savefig(path, metadata={"Date": None})


def curves(path: Path, panels: Mapping[str, Mapping[str, Mapping[int, float]]]) -> None:
    """Draw curves over sizes on a logarithmic axis: unit to label to size to value."""
    import matplotlib.pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(
        1, len(panels), figsize=(3.8 * len(panels), 3), layout="constrained", squeeze=False
    )
    for axis, (unit, drawn) in zip(axes[0], panels.items(), strict=True):
        for label, values in drawn.items():
            axis.plot(list(values), list(values.values()), "o-", label=label)
        axis.set_xscale("log")
        axis.set_xlabel("passages")
        axis.set_ylabel(unit)
        axis.set_ylim(bottom=0)
        axis.legend(fontsize=7)
    figure.savefig(path, metadata={"Date": None})


def lines(path: Path, panels: Mapping[str, Mapping[str, Mapping[float, float]]], x: str) -> None:
    """Draw lines over what ``x`` says: unit to label to place to value."""
    import matplotlib.pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(
        1, len(panels), figsize=(4.5 * len(panels), 3), layout="constrained", squeeze=False
    )
    for axis, (unit, drawn) in zip(axes[0], panels.items(), strict=True):
        for label, values in drawn.items():
            axis.plot(list(values), list(values.values()), "o-", label=label)
        axis.set_xlabel(x)
        axis.set_ylabel(unit)
        axis.set_ylim(bottom=0)
        axis.legend(fontsize=7)
    figure.savefig(path, metadata={"Date": None})
