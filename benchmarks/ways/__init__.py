"""Four ways to run the same trials. Each module has `run(job)`, which calls `job.ended(loss)`."""
