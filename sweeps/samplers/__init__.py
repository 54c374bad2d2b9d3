"""The samplers that a sweep can search with. To add one, add its file here: sampler.py says how."""
