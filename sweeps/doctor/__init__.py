"""What a machine and a cluster lack before a sweep can run: `sweep doctor`."""
