"""The board that hands trials to slots: what waits, who is alive, what is decided."""
