"""Which files of tests take longest: of several processes, they come first."""

FIRST = (
    # of `make ci`
    "trainables/training/test_two_workers.py",
    "cluster/test_wheel.py",
    "cluster/test_ray_up.py",
    "sweeps/chaos/test_chaos.py",
    "sweeps/chaos/test_s3.py",
    "sweeps/chaos/test_chaos_confirm.py",
    "trainables/training/test_two_workers_zero3.py",
    "sweeps/chaos/test_chaos_files.py",
    "sweeps/chaos/test_chaos_resume.py",
    "sweeps/books/test_scribe_outages.py",
    # of `make test`
    "sweeps/run/test_launch_alone.py",
)
"""Files that come before all others, which share a Ray."""

LONGEST = (
    # on the shared Ray
    "sweeps/run/test_launch.py",
    "sweeps/search/test_postgres.py",
    "sweeps/run/test_confirm.py",
    "sweeps/export/test_export_command.py",
    "sweeps/run/test_launch_capped.py",
    "sweeps/run/test_launch_answers.py",
    "trainables/slots/test_slot.py",
    "sweeps/run/test_launch_watched.py",
    # without it
    "results/mlflow/test_reconcile.py",
    "sweeps/planning/test_plan_command.py",
    "sweeps/report/test_ui.py",
    "sweeps/planning/test_method_auto.py",
    "trainables/losses/test_objectives_end_to_end.py",
    "sweeps/planning/test_edits.py",
    "trainables/training/forks/test_forks.py",
    "results/mlflow/test_tracking.py",
    "sweeps/export/test_register.py",
    "trainables/planning/test_estimate.py",
    "trainables/training/test_restore.py",
    "sweeps/run/dry_run/test_dry_run.py",
    "trainables/training/test_rollouts.py",
    "trainables/slots/test_slot_storage.py",
    "results/mlflow/test_database.py",
    "sweeps/report/test_tether.py",
    "trainables/training/test_watchdog.py",
    "trainables/models/test_hub.py",
    "trainables/lanes/test_lanes.py",
)
"""Files of ten seconds and more (`pytest --durations` finds them), the longest first."""
