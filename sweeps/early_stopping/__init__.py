"""How unpromising trials are stopped early. To add a rule, add its file here: rule.py says how."""
