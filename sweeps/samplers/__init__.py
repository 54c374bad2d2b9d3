"""A sweep's samplers. To add one, add its file here; see sampler.py."""
