"""Samplers that draw with another one; imported where they are used, since Optuna is heavy."""
