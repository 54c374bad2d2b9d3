"""Which files of tests take longest: of several processes, they come first."""

LONGEST = (
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
    "sweeps/run/test_launch.py",
    "sweeps/run/test_confirm.py",
    "sweeps/run/test_launch_alone.py",
    "sweeps/search/test_postgres.py",
    "sweeps/export/test_export_command.py",
    "sweeps/run/test_launch_answers.py",
    "sweeps/run/test_launch_lanes.py",
    "trainables/slots/test_slot.py",
    "sweeps/run/test_launch_watched.py",
    "sweeps/run/test_launch_capped.py",
    "sweeps/run/test_trials_by_hand.py",
    "trainables/losses/test_objectives_end_to_end.py",
    "trainables/losses/test_objectives.py",
    "trainables/training/test_checkpoints.py",
    "trainables/lanes/test_lanes.py",
    "sweeps/export/test_register.py",
    "trainables/models/test_hub.py",
    "sweeps/report/test_ui.py",
    "trainables/training/test_finetune.py",
    "trainables/training/test_encoders.py",
    "sweeps/report/test_tether.py",
    "trainables/training/test_watchdog.py",
)
"""Files of a quarter of a minute and more (`pytest --durations` finds them), the longest first."""
