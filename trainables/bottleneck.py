"""For who loads bottleneck adapters that a sweep has made: importing this makes PEFT know them."""

from trainables.architecture.bottleneck import BottleneckConfig, BottleneckModel

__all__ = ["BottleneckConfig", "BottleneckModel"]
