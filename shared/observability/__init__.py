"""What operators may see, and what nobody may see."""
