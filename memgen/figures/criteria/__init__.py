"""What chapter 6 tabulates and draws."""
