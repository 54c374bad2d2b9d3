"""DeepSpeed ZeRO: its settings, its engine, and weights scattered over ranks."""
