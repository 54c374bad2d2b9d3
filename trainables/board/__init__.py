"""The board that hands trials to slots: waiting jobs, live slots, decisions."""
