"""Which files of tests take longest: of several processes, they come first."""

FIRST = (
    # of `make ci`
    "trainables/training/test_two_workers.py",
    "cluster/test_wheel.py",
    "cluster/test_ray_up.py",
    "sweeps/chaos/test_chaos.py",
    "sweeps/chaos/test_s3.py",
    "trainables/training/test_two_workers_zero3.py",
    "sweeps/chaos/test_chaos_files.py",
    "sweeps/chaos/test_chaos_resume.py",
    # of `make test`
    "sweeps/run/test_launch_alone.py",
)
"""Files that come before all others, which share a Ray."""

LONGEST = (
    # on the shared Ray
    "sweeps/run/test_launch.py",
    "sweeps/run/test_confirm.py",
    "sweeps/search/test_postgres.py",
    "sweeps/run/test_launch_answers.py",
    "trainables/slots/test_slot.py",
    "sweeps/run/test_launch_watched.py",
    "sweeps/export/test_export_command.py",
    "sweeps/run/test_launch_capped.py",
    # without it
    "trainables/losses/test_objectives_end_to_end.py",
    "trainables/losses/test_objectives.py",
    "trainables/lanes/test_lanes.py",
    "sweeps/run/test_dry_run.py",
    "trainables/training/test_checkpoints.py",
    "trainables/training/test_encoders.py",
    "trainables/training/test_rollouts.py",
    "trainables/training/test_finetune.py",
    "sweeps/export/test_register.py",
    "trainables/lanes/test_lane_agreement.py",
    "sweeps/planning/test_plan_command.py",
    "trainables/models/test_hub.py",
    "sweeps/report/test_ui.py",
    "sweeps/report/test_tether.py",
    "trainables/training/test_watchdog.py",
)
"""Files of a quarter of a minute and more (`pytest --durations` finds them), the longest first."""
