"""The numbers in the text format of Prometheus: version 0.0.4, each group as a label, their number bounded."""

from collections.abc import Iterator, Mapping

from factory.model.text import label
from factory.report.metrics.catalogue import METRICS, Form, Metric
from factory.report.metrics.metrics import Measured, Metrics, Number
from factory.report.percentiles import SHOWN

MOST_GROUPS = 50
_PREFIX = "factory_"
_HOW_MANY = "How many things it rests on: "


def prometheus_text(metrics: Metrics) -> str:
    """All that was measured. What rests on nothing is left out."""
    return "".join(f"{line}\n" for metric in METRICS.values() for line in _family(metrics, metric))


def _family(metrics: Metrics, metric: Metric) -> Iterator[str]:
    """The lines of one number, in all groups."""
    samples = [(group, each) for group, told in metrics.groups.items() for each in told if each.name == metric.name]
    name = f"{_PREFIX}{metric.name}"
    spread = metric.form is Form.SPREAD
    told = [
        line
        for group, each in samples
        for line in (_summary if spread else _gauge)(name, _labels(metrics, group, each), each)
    ]
    if not told:
        return
    yield f"# HELP {name} {metric.help}"
    yield f"# TYPE {name} {'summary' if spread else 'gauge'}"
    yield from told
    if not spread:
        yield f"# HELP {name}_n {_HOW_MANY}{metric.help}"
        yield f"# TYPE {name}_n gauge"
        yield from (f"{name}_n{_braced(_labels(metrics, group, each))} {each.n}" for group, each in samples)


def _labels(metrics: Metrics, group: str, each: Measured) -> dict[str, str]:
    of_group = {str(metrics.by): group} if metrics.by else {}
    return {**of_group, **dict(zip(METRICS[each.name].labels, each.labels, strict=True))}


def _gauge(name: str, labels: Mapping[str, str], each: Measured) -> Iterator[str]:
    if each.value is not None:
        yield f"{name}{_braced(labels)} {_number(each.value)}"


def _summary(name: str, labels: Mapping[str, str], each: Measured) -> Iterator[str]:
    if each.spread is None:
        return
    for word, percent in SHOWN.items():
        yield f"{name}{_braced({**labels, 'quantile': f'{percent / 100:g}'})} {_number(each.spread[word])}"
    yield f"{name}_sum{_braced(labels)} {_number(each.total)}"
    yield f"{name}_count{_braced(labels)} {each.n}"


def _braced(labels: Mapping[str, str]) -> str:
    told = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return f"{{{told}}}" if told else ""


def _escaped(value: str) -> str:
    return label(value).replace("\\", "\\\\").replace('"', '\\"')


def _number(value: Number) -> str:
    return f"{value}" if isinstance(value, int) else f"{value:.12g}"
