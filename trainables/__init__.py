"""What one trial does, and what it leaves."""
