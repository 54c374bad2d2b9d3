"""Rules that stop unpromising trials early. To add one, add its file here; see rule.py."""
