"""Plans and quotes compared with what trials and sweeps take."""
