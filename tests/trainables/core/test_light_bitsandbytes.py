from __future__ import annotations

import torch

from trainables.core import light_bitsandbytes


def test_torch_is_asked_to_compile_at_the_first_call_and_once(monkeypatch):
    asked = []

    def compiled(function, **options):
        asked.append(options)
        return lambda number: function(number) + 1

    monkeypatch.setattr(light_bitsandbytes, "_COMPILE", compiled)
    late = light_bitsandbytes._late(lambda number: 10 * number, dynamic=False)
    assert asked == []
    assert [late(1), late(2)] == [11, 21]
    assert asked == [{"dynamic": False}]


def test_others_have_torchs_own_compile():
    assert torch.compile is light_bitsandbytes._COMPILE
