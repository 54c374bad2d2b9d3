from __future__ import annotations

from search_spaces.space import Space
from search_spaces.without import without_option

SPACE = Space.parse(
    {
        "method": {"choice": ["lora", "qlora", "full"]},
        "lora.rank": {"choice": [4, 64], "when": {"method": ["lora", "qlora"]}},
        "quantization.double": {"choice": [True, False], "when": {"method": "qlora"}},
        "learning_rate": {"log_uniform": [1e-5, 1e-3]},
    }
)


def test_what_depends_on_the_option_alone_goes_with_it():
    left = without_option(SPACE, "method", "qlora")
    assert left is not None and left.names == ("method", "lora.rank", "learning_rate")
    assert left["method"].domain.options == ("lora", "full")
    assert left.active({"method": "lora", "lora.rank": 4, "learning_rate": 1e-4}) == (
        "method",
        "lora.rank",
        "learning_rate",
    )
    assert not left.contains({"method": "qlora", "lora.rank": 4, "learning_rate": 1e-4})


def test_the_last_option_cannot_be_taken_out():
    once = without_option(SPACE, "lora.rank", 64)
    assert once is not None and without_option(once, "lora.rank", 4) is None
