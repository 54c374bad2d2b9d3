"""The search: Optuna's study behind Tune's searcher, and early stopping."""
