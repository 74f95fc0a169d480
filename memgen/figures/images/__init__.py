"""What chapter 13 draws, tabulates and compares."""
