"""What the product does on one NVIDIA GPU, measured by `check.sh`: each check is a module here."""
