"""From a spec to finished runs."""
