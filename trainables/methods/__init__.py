"""The tuning methods: what each trains, and with which settings."""
