"""`python -m local.smoke`: whether a deployed function answers as it should; it can mute nobody."""
