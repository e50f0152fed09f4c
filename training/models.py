"""What is trained, and for how long."""
from dataclasses import dataclass

from model import Shape


@dataclass(frozen=True)
class Plan:
    shape: Shape
    tokens: int
    description: str


PLANS = {
    'loom-nano': Plan(Shape(128, 4, 4, 2, 384), 20_000_000, 'Answers questions about inference and calls tools; very small, made to be fast.'),
    'loom-mini': Plan(Shape(256, 6, 8, 4, 768), 24_000_000, 'Answers questions about inference, does small sums, extracts, labels and calls tools.'),
    'loom-embed': Plan(Shape(192, 4, 6, 3, 512), 5_000_000, 'Embeddings that put questions of the same meaning close together.'),
}
SEED = 1
