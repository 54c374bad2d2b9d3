"""Spaces that several tests read."""

import yaml

from search_spaces.space import Space

EVERY_KIND = """
wsd.decay_fraction: {uniform: [0.05, 0.4], when: {schedule: wsd}}
learning_rate: {log_uniform: [1e-5, 3.0e-3]}
optimizer.weight_decay: {uniform: [0, 0.1]}
lora.dropout: {quantized: [0.0, 0.2, 0.05]}
lora.rank: {int: [4, 64], step: 4}
batch_size: {log_int: [4, 256]}
schedule: {choice: [cosine, wsd, linear]}
floor_fraction: {choice: [0, 1e-4, null, true], when: {schedule: [wsd, linear], lora.rank: 8}}
lora.target_modules: {choice: [all-linear, [q_proj, v_proj]]}
warmup_fraction: {uniform: [0, 0.1], step: 1e-2, when: {lora.target_modules: [[q_proj, v_proj]]}}
"""

NESTED = """
wsd.shape: {choice: [sqrt, linear], when: {wsd.decay_fraction: [0.2, 0.3]}}
wsd.decay_fraction: {quantized: [0.1, 0.3, 0.1], when: {schedule: wsd}}
schedule: {choice: [cosine, wsd]}
"""


def parse(text, **known):
    return Space.parse(yaml.safe_load(text), **known)
