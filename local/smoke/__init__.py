"""`python -m local.smoke`: checks whether a deployed function answers as it should; it mutes nobody."""
