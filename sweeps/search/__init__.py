"""Which trial comes next, and which is stopped: Optuna's study behind Tune's searcher."""
