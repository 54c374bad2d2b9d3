"""Measurements of the product on one NVIDIA GPU, by `check.sh`: each check is a module here."""
